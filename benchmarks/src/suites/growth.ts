import { verdictOn } from '../budgets.js';
import { expectBody, expectGuarded } from '../correctness.js';
import { send } from '../load.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import { withServers } from '../server.js';
import type { BenchServer } from '../server.js';
import { lastGeneratedPath } from '../servers/ledger.js';
import type { ServerSpec, StackName } from '../servers/stack.js';
import type { Effort } from '../settings.js';
import { ratioOf, rotated, spreadOf } from '../statistics.js';
import type { Spread } from '../statistics.js';
import { TokenSigner } from '../tokens.js';

const SMALLEST = 10;
const LARGEST = 2000;
const SIZES = [SMALLEST, 200, LARGEST];

/**
 * Does a request cost more where there are more routes? Fastify alone answers that: its router takes the same time
 * however many there are, while Express walks a list, which would hide what the guard does.
 */
export async function measureGrowth(effort: Effort, profiles: string | undefined): Promise<SuiteResult> {
  const progress = new Progress('growth');
  const signer = await TokenSigner.create('RS256');
  const tokens = [await signer.sign('customer')];
  const specs = SIZES.flatMap((routes): ServerSpec[] => [
    { stack: 'bare', adapter: 'fastify', key: signer.publicPem, routes },
    { stack: 'palisade', adapter: 'fastify', key: signer.publicPem, routes },
  ]);
  progress.step('starting the servers');
  const samples = await withServers(specs, profiles, async (servers) => {
    const bodies = new Map<BenchServer, string>();
    for (const server of servers) {
      progress.step(`warming up ${server.name}`);
      const path = pathOf(server);
      if (server.spec.stack === 'palisade') await expectGuarded(server, path, signer);
      const body = await expectBody(server, path, tokens[0] as string, (text) => text.includes('"id":"1001"'));
      bodies.set(server, body);
      await send({ port: server.port, path, tokens, requests: effort.warmUp, body });
    }
    const cpu = new Map<BenchServer, number[]>(servers.map((server) => [server, []]));
    const requests = effort.requests.fastify;
    for (let round = 0; round < effort.rounds; round++) {
      for (const server of rotated(servers, round)) {
        progress.step(`round ${round + 1} of ${effort.rounds}`);
        const before = await server.cpu();
        const body = bodies.get(server) as string;
        await send({ port: server.port, path: pathOf(server), tokens, requests, body });
        cpu.get(server)?.push(((await server.cpu()) - before) / requests);
      }
    }
    return new Map([...cpu].map(([{ spec }, values]) => [keyOf(spec), values]));
  });
  progress.done();
  return {
    suite: 'growth',
    title: 'One request, with more and more routes (Fastify, the route declared last)',
    unit: 'CPU µs/request',
    comparison: { kind: 'ratio', heading: 'of bare' },
    rounds: effort.rounds,
    rows: SIZES.flatMap((routes) => rowsOf(routes, samples)),
    notes: [
      `The budget is on how the ratio grows: with ${LARGEST} routes it is ${growthIn(samples).toFixed(2)} × that with ${SMALLEST}.`,
    ],
  };
}

type Samples = ReadonlyMap<string, readonly number[]>;

function rowsOf(routes: number, samples: Samples): Row[] {
  return [
    { group: `${routes} routes`, subject: 'bare', value: spreadOf(samplesOf('bare', routes, samples)) },
    {
      group: `${routes} routes`,
      subject: 'palisade',
      value: spreadOf(samplesOf('palisade', routes, samples)),
      comparison: overBare(routes, samples),
      verdict: routes === LARGEST ? verdictOn('growth/fastify', growthIn(samples)) : undefined,
    },
  ];
}

function growthIn(samples: Samples): number {
  return overBare(LARGEST, samples).median / overBare(SMALLEST, samples).median;
}

function overBare(routes: number, samples: Samples): Spread {
  return ratioOf(samplesOf('palisade', routes, samples), samplesOf('bare', routes, samples));
}

function samplesOf(stack: StackName, routes: number, samples: Samples): readonly number[] {
  return samples.get(keyOf({ stack, routes })) as readonly number[];
}

function pathOf({ spec }: BenchServer): string {
  return lastGeneratedPath(spec.routes as number);
}

function keyOf({ stack, routes }: Pick<ServerSpec, 'stack' | 'routes'>): string {
  return `${stack}/${routes}`;
}
