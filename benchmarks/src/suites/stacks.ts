import { verdictOn } from '../budgets.js';
import { expectBody, expectGuarded } from '../correctness.js';
import { send } from '../load.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import { withServers } from '../server.js';
import type { BenchServer } from '../server.js';
import { HIDING, STACKS } from '../servers/stack.js';
import type { StackName } from '../servers/stack.js';
import { ADAPTERS } from '../settings.js';
import type { Adapter, Effort } from '../settings.js';
import { ratioOf, rotated, spreadOf } from '../statistics.js';
import { TokenSigner } from '../tokens.js';

const POOL = 100;
const ACCOUNT = '{"id":"1001","name":"Current account","currency":"EUR","balance":120050}';

/** What the clients do. */
interface Workload {
  readonly name: string;
  readonly path: string;
  readonly requests: number;
  readonly warmUp: readonly string[];
  readonly tokens: (round: number) => readonly string[];
  readonly accept: (body: string, stack: StackName) => boolean;
  readonly stacks: readonly StackName[];
}

/** One server under one load, and what came of it, round by round. */
interface Cell {
  readonly workload: Workload;
  readonly server: BenchServer;
  readonly body: string;
  readonly cpu: number[];
  readonly perSecond: number[];
}

/** The same handlers behind each stack: CPU time of the server a request. */
export async function measureStacks(effort: Effort, profiles: string | undefined): Promise<SuiteResult> {
  const progress = new Progress('stacks');
  progress.step('signing tokens');
  const signer = await TokenSigner.create('RS256');
  const unseen = await signer.signMany('customer', effort.unseenWarmUp + effort.rounds * effort.unseen);
  const pool = await signer.signMany('customer', POOL);
  const rows: Row[] = [];
  for (const adapter of ADAPTERS) {
    const specs = STACKS.map((stack) => ({ stack, adapter, key: signer.publicPem }));
    const workloads = workloadsFor(adapter, effort, pool, unseen);
    const cells = await withServers(specs, profiles, async (servers) => {
      for (const server of servers) {
        if (server.spec.stack !== 'bare') await expectGuarded(server, '/accounts/1001', signer);
      }
      return measure(servers, workloads, effort, (text) => progress.step(`${adapter}, ${text}`));
    });
    rows.push(...cells.map((cell) => rowOf(cell, cells)));
  }
  progress.done();
  return {
    suite: 'stacks',
    title: 'The same handlers behind each stack',
    unit: 'CPU µs/request',
    comparison: { kind: 'ratio', heading: 'of bare' },
    rounds: effort.rounds,
    rows,
    notes: [
      'Ratios are taken round by round against bare Nest on the same adapter, then the median.',
      'Requests per second depend on the cores that client and server share; CPU time hardly does.',
    ],
  };
}

function workloadsFor(
  adapter: Adapter,
  { requests, warmUp, unseen: unseenEach, unseenWarmUp }: Effort,
  pool: readonly string[],
  unseen: readonly string[],
): Workload[] {
  const one = pool.slice(0, 1);
  const account = {
    path: '/accounts/1001',
    requests: requests[adapter],
    warmUp: Array.from({ length: warmUp }, () => one[0] as string),
    accept: (body: string) => body === ACCOUNT,
    stacks: STACKS,
  };
  return [
    { ...account, name: 'one token', tokens: () => one },
    { ...account, name: '100 tokens', warmUp: pool, tokens: () => pool },
    {
      ...account,
      name: 'unseen tokens',
      requests: unseenEach,
      warmUp: unseen.slice(0, unseenWarmUp),
      tokens: (round) => unseen.slice(unseenWarmUp + round * unseenEach, unseenWarmUp + (round + 1) * unseenEach),
    },
    {
      ...account,
      name: 'one token, a field to hide',
      path: '/accounts/1001/holder',
      tokens: () => one,
      accept: (body, stack) => body.includes('"id":"alice"') && body.includes('taxNumber') !== HIDING.has(stack),
      stacks: ['bare', ...HIDING],
    },
  ];
}

async function measure(
  servers: readonly BenchServer[],
  workloads: readonly Workload[],
  { rounds }: Effort,
  say: (text: string) => void,
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const workload of workloads) {
    const { name, path, warmUp, accept, stacks } = workload;
    for (const server of servers.filter(({ spec }) => stacks.includes(spec.stack))) {
      say(`warming up ${server.spec.stack}: ${name}`);
      const body = await expectBody(server, path, warmUp[0] as string, (text) => accept(text, server.spec.stack));
      await send({ port: server.port, path, tokens: warmUp, requests: warmUp.length, body });
      cells.push({ workload, server, body, cpu: [], perSecond: [] });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const workload of workloads) {
      say(`round ${round + 1} of ${rounds}: ${workload.name}`);
      const compared = cells.filter((cell) => cell.workload === workload);
      for (const cell of rotated(compared, round)) await measureOnce(cell, round);
    }
  }
  return cells;
}

async function measureOnce({ workload, server, body, cpu, perSecond }: Cell, round: number): Promise<void> {
  const { path, tokens } = workload;
  // The assembled stack takes so long for one request that fewer of them fill the same time.
  const requests = server.spec.stack === 'assembled' ? workload.requests / 3 : workload.requests;
  const before = await server.cpu();
  const seconds = await send({ port: server.port, path, requests, body, tokens: tokens(round) });
  cpu.push(((await server.cpu()) - before) / requests);
  perSecond.push(requests / seconds);
}

function rowOf({ workload, server, cpu, perSecond }: Cell, cells: readonly Cell[]): Row {
  const { stack, adapter } = server.spec;
  const bare = cells.find((cell) => cell.workload === workload && cell.server.spec.stack === 'bare') as Cell;
  const comparison = stack === 'bare' ? undefined : ratioOf(cpu, bare.cpu);
  const promised = comparison !== undefined && stack.startsWith('palisade');
  return {
    group: `${adapter}, ${workload.name}`,
    subject: stack,
    value: spreadOf(cpu),
    perSecond: spreadOf(perSecond),
    comparison,
    verdict: promised ? verdictOn(`stacks/${adapter}/${workload.name}`, comparison.median) : undefined,
  };
}
