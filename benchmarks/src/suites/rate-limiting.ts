import { verdictOn } from '../budgets.js';
import { LIMITERS, type LimiterSpec } from '../limiters/limiter.js';
import { LimiterProcess } from '../limiters/limiter-process.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import type { Effort } from '../settings.js';
import { ratioOf, rotated, spreadOf } from '../statistics.js';

const LIMITS = [100, 100_000];

interface Cell {
  readonly process: LimiterProcess;
  readonly cpu: number[];
}

/** What counting one request in memory costs, with few clients and many, with small limits and large ones. */
export async function measureRateLimiting({ hits, hitRounds, clients }: Effort): Promise<SuiteResult> {
  const progress = new Progress('rate-limiting');
  const rows: Row[] = [];
  const bytes = new Map<string, number>();
  const own: number[] = [];
  for (const count of clients) {
    // The log that @nestjs/throttler keeps of a lone client grows with every hit, and so does the time for the next.
    const inRound = count === 1 ? Math.min(hits, 4000) : hits;
    for (const limit of LIMITS) {
      const group = `${count.toLocaleString('en')} clients, a limit of ${limit.toLocaleString('en')}`;
      const cells: Cell[] = [];
      try {
        for (const limiter of LIMITERS) {
          progress.step(`${group}: filling ${limiter}`);
          const spec: LimiterSpec = { limiter, clients: count, limit, atOnce: 1 };
          cells.push({ process: await LimiterProcess.start(spec), cpu: [] });
        }
        for (const { process } of cells) await process.measure(inRound, -1);
        for (let round = 0; round < hitRounds; round++) {
          progress.step(`${group}: round ${round + 1} of ${hitRounds}`);
          for (const { process, cpu } of rotated(cells, round)) cpu.push(await process.measure(inRound, round));
        }
      } finally {
        await Promise.all(cells.map(({ process }) => process.stop()));
      }
      const reference = (cells[0] as Cell).cpu;
      for (const [index, { process, cpu }] of cells.entries()) {
        const { limiter } = process.spec;
        rows.push({
          group,
          subject: limiter,
          value: spreadOf(cpu),
          comparison: index === 0 ? undefined : ratioOf(cpu, reference),
        });
        if (count === clients.at(-1) && limit === LIMITS[0]) bytes.set(limiter, process.bytesPerClient);
        if (limiter === 'palisade') own.push(spreadOf(cpu).median);
      }
    }
  }
  progress.done();
  return {
    suite: 'rate-limiting',
    title: 'Counting one request in memory',
    unit: 'CPU µs/hit',
    comparison: { kind: 'ratio', heading: 'of throttler' },
    rounds: hitRounds,
    rows,
    notes: [
      `Bytes a client, at ${(clients.at(-1) as number).toLocaleString('en')}: ${[...bytes]
        .map(([limiter, count]) => `${limiter} ${count.toFixed(0)}`)
        .join(', ')}; ${verdictOn('rate-limiting/bytes', bytes.get('palisade') as number)?.text ?? ''}.`,
      `Palisade's most costly row is ${(Math.max(...own) / Math.min(...own)).toFixed(1)} × its cheapest.`,
    ],
  };
}
