import { compare, rowOf, type Workload } from '../comparison.js';
import { expectBody, expectGuarded } from '../correctness.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import { withServers } from '../server.js';
import type { BenchServer } from '../server.js';
import { HIDING } from '../servers/stack.js';
import type { StackName } from '../servers/stack.js';
import { ADAPTERS } from '../settings.js';
import type { Adapter, Effort } from '../settings.js';
import { TokenSigner } from '../tokens.js';

const STACKS = ['bare', 'assembled', 'palisade', 'palisade-masking'] as const satisfies readonly StackName[];

const POOL = 100;
const ACCOUNT = '{"id":"1001","name":"Current account","currency":"EUR","balance":120050}';

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
      return compare(servers, workloads, effort, (text) => progress.step(`${adapter}, ${text}`));
    });
    rows.push(...cells.map((cell) => rowOf(cell, cells, 'stacks')));
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
  const expecting =
    (path: string, token: string, accept: (body: string, stack: StackName) => boolean) => (server: BenchServer) =>
      expectBody(server, path, token, (text) => accept(text, server.spec.stack));
  const account = {
    path: '/accounts/1001',
    requests: requests[adapter],
    warmUp,
    expect: expecting('/accounts/1001', one[0] as string, (body) => body === ACCOUNT),
    stacks: STACKS,
  };
  return [
    { ...account, name: 'one token', tokens: () => one },
    { ...account, name: '100 tokens', warmUp: pool.length, tokens: () => pool },
    {
      ...account,
      name: 'unseen tokens',
      requests: unseenEach,
      warmUp: unseenWarmUp,
      tokens: (round) =>
        round < 0
          ? unseen.slice(0, unseenWarmUp)
          : unseen.slice(unseenWarmUp + round * unseenEach, unseenWarmUp + (round + 1) * unseenEach),
    },
    {
      ...account,
      name: 'one token, a field to hide',
      path: '/accounts/1001/holder',
      tokens: () => one,
      expect: expecting(
        '/accounts/1001/holder',
        one[0] as string,
        (body, stack) => body.includes('"id":"alice"') && body.includes('taxNumber') !== HIDING.has(stack),
      ),
      stacks: ['bare', ...HIDING],
    },
  ];
}
