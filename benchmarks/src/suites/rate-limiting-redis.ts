import { LimiterProcess } from '../limiters/limiter-process.js';
import { REDIS_LIMITERS } from '../limiters/limiter.js';
import { redisProgram, withRedis } from '../limiters/redis.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import type { Effort } from '../settings.js';
import { ratioOf, rotated, spreadOf } from '../statistics.js';

const PROCESSES = [1, 2, 4];
const CLIENTS = 1000;
/** Never reached: what is measured is the way to the server and back. */
const LIMIT = 1_000_000;
const AT_ONCE = 50;

/** What counting one request in Redis costs, in processes that share it. */
export async function measureRateLimitingRedis({ hits, hitRounds }: Effort): Promise<SuiteResult> {
  const progress = new Progress('rate-limiting-redis');
  const rows: Row[] = [];
  const program = redisProgram();
  if (program !== undefined) {
    await withRedis(program, async (port) => {
      for (const count of PROCESSES) {
        const cells = [];
        for (const limiter of REDIS_LIMITERS) {
          progress.step(`${count} processes: starting ${limiter}`);
          const spec = { limiter, clients: CLIENTS, limit: LIMIT, atOnce: AT_ONCE, port };
          const processes = await Promise.all(Array.from({ length: count }, () => LimiterProcess.start(spec)));
          cells.push({ limiter, processes, cpu: [] as number[], perSecond: [] as number[] });
        }
        const own = Math.ceil(hits / count);
        try {
          for (let round = -1; round < hitRounds; round++) {
            for (const cell of rotated(cells, Math.max(0, round))) {
              progress.step(`${count} processes: ${cell.limiter}`);
              const begun = performance.now();
              const all = await Promise.all(cell.processes.map((process) => process.measure(own, round)));
              if (round === -1) continue;
              cell.perSecond.push((own * count * 1000) / (performance.now() - begun));
              cell.cpu.push(all.reduce((total, cpu) => total + cpu, 0) / count);
            }
          }
        } finally {
          await Promise.all(cells.flatMap(({ processes }) => processes.map((process) => process.stop())));
        }
        const reference = (cells[0] as (typeof cells)[number]).cpu;
        rows.push(
          ...cells.map(({ limiter, cpu, perSecond }, index): Row => ({
            group: `${count} ${count === 1 ? 'process' : 'processes'}`,
            subject: limiter,
            value: spreadOf(cpu),
            perSecond: spreadOf(perSecond),
            comparison: index === 0 ? undefined : ratioOf(cpu, reference),
          })),
        );
      }
    });
  }
  progress.done();
  return {
    suite: 'rate-limiting-redis',
    title: 'Counting one request in Redis',
    unit: 'CPU µs/hit',
    comparison: { kind: 'ratio', heading: 'of nest-lab' },
    rounds: hitRounds,
    rows,
    notes:
      program === undefined
        ? ['Skipped: redis-server is not on the PATH (apt-get install redis-server).']
        : [
            `CPU time of the clients, ${AT_ONCE} hits under way in each. Nobody is denied: a denial costs Palisade no question.`,
          ],
  };
}
