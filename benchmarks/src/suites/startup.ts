import { verdictOn } from '../budgets.js';
import { expectBody, expectGuarded } from '../correctness.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import type { Duration } from '../server.js';
import { withServers } from '../server.js';
import { lastGeneratedPath } from '../servers/ledger.js';
import type { StackName } from '../servers/stack.js';
import { ADAPTERS } from '../settings.js';
import type { Adapter, Effort } from '../settings.js';
import { differenceOf, rotated, spreadOf } from '../statistics.js';
import { TokenSigner } from '../tokens.js';

const STACKS = ['bare', 'assembled', 'palisade'] as const satisfies readonly StackName[];
const ROUTES = 1000;

interface Start {
  readonly starting: Duration[];
  readonly loading: Duration[];
}

/** How long it takes until an application with many routes listens, each time in a new process. */
export async function measureStartup({ starts }: Effort, profiles: string | undefined): Promise<SuiteResult> {
  const progress = new Progress('startup');
  const signer = await TokenSigner.create('RS256');
  const token = await signer.sign('customer');
  const path = lastGeneratedPath(ROUTES);
  const measured = new Map<string, Start>();
  for (let round = 0; round < starts; round++) {
    for (const adapter of ADAPTERS) {
      for (const stack of rotated(STACKS, round)) {
        progress.step(`start ${round + 1} of ${starts}: ${adapter} ${stack}`);
        const spec = { stack, adapter, key: signer.publicPem, routes: ROUTES };
        await withServers([spec], profiles, async ([server]) => {
          if (server === undefined) return;
          await expectBody(server, path, token, (body) => body.includes('"id":"1001"'));
          if (round === 0 && stack !== 'bare') await expectGuarded(server, path, signer);
          const start = measured.get(keyOf(adapter, stack)) ?? { starting: [], loading: [] };
          measured.set(keyOf(adapter, stack), start);
          start.starting.push(server.listening.starting);
          start.loading.push(server.listening.loading);
        });
      }
    }
  }
  progress.done();
  return {
    suite: 'startup',
    title: `Starting an application with ${ROUTES} routes`,
    unit: 'CPU ms',
    comparison: { kind: 'difference', heading: 'added to bare' },
    rounds: starts,
    rows: ADAPTERS.flatMap((adapter) => rowsOf(adapter, measured)),
    notes: [
      'From the moment the modules are loaded: decorators, NestFactory.create and listen.',
      ...ADAPTERS.map((adapter) => elapsedNote(adapter, measured)),
    ],
  };
}

function rowsOf(adapter: Adapter, measured: ReadonlyMap<string, Start>): Row[] {
  const bare = measured.get(keyOf(adapter, 'bare')) as Start;
  return STACKS.map((stack): Row => {
    const { starting, loading } = measured.get(keyOf(adapter, stack)) as Start;
    const comparison = stack === 'bare' ? undefined : differenceOf(starting.map(cpuOf), bare.starting.map(cpuOf));
    const promised = stack === 'palisade' && comparison !== undefined;
    return {
      group: adapter,
      subject: stack,
      value: spreadOf(starting.map(cpuOf)),
      comparison,
      verdict: promised ? verdictOn(`startup/${adapter}`, comparison.median) : undefined,
      details: {
        elapsed: spreadOf(starting.map(wallOf)),
        loading: spreadOf(loading.map(cpuOf)),
      },
    };
  });
}

function elapsedNote(adapter: Adapter, measured: ReadonlyMap<string, Start>): string {
  const figures = STACKS.map((stack) => {
    const { starting, loading } = measured.get(keyOf(adapter, stack)) as Start;
    const elapsed = spreadOf(starting.map(wallOf)).median.toFixed(0);
    return `${stack} ${elapsed} ms (loading before that: ${spreadOf(loading.map(cpuOf)).median.toFixed(0)} ms CPU)`;
  });
  return `Elapsed on ${adapter}: ${figures.join(', ')}.`;
}

function cpuOf({ cpu }: Duration): number {
  return cpu;
}

function wallOf({ wall }: Duration): number {
  return wall;
}

function keyOf(adapter: Adapter, stack: StackName): string {
  return `${adapter}/${stack}`;
}
