import { compare, rowOf, type Workload } from '../comparison.js';
import { CorrectnessError } from '../correctness.js';
import { Progress } from '../progress.js';
import type { Row, SuiteResult } from '../results.js';
import { withServers } from '../server.js';
import type { BenchServer } from '../server.js';
import { ORIGIN, type StackName } from '../servers/stack.js';
import { ADAPTERS, type Adapter, type Effort } from '../settings.js';

const STACKS = ['bare', 'helmet-cors', 'palisade-edge'] as const satisfies readonly StackName[];
const PATH = '/accounts/1001';
/** What a proxy in front adds. */
const FORWARDED = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };

/** Headers, CORS, hosts, HTTPS and firewall without anything behind them, against helmet and cors. */
export async function measureEdge(effort: Effort, profiles: string | undefined): Promise<SuiteResult> {
  const progress = new Progress('edge');
  const rows: Row[] = [];
  for (const adapter of ADAPTERS) {
    const specs = STACKS.map((stack) => ({ stack, adapter, key: '' }));
    const cells = await withServers(specs, profiles, (servers) =>
      compare(servers, workloadsFor(adapter, effort), effort, (text) => progress.step(`${adapter}, ${text}`)),
    );
    rows.push(...cells.map((cell) => rowOf(cell, cells, 'edge')));
  }
  progress.done();
  return {
    suite: 'edge',
    title: 'What a request meets before it is routed',
    unit: 'CPU µs/request',
    comparison: { kind: 'ratio', heading: 'of bare' },
    rounds: effort.rounds,
    rows,
    notes: [
      'Ratios are taken round by round against bare Nest on the same adapter, then the median.',
      'helmet and cors set headers; the edge of Palisade also checks host, connection, target, header fields and body.',
    ],
  };
}

function workloadsFor(adapter: Adapter, { requests, warmUp }: Effort): Workload[] {
  const common = { path: PATH, requests: requests[adapter], warmUp, stacks: STACKS };
  return [
    { ...common, name: 'no origin', headers: FORWARDED, expect: (server) => expectHeaders(server, FORWARDED) },
    {
      ...common,
      name: 'another origin',
      headers: { ...FORWARDED, origin: ORIGIN },
      expect: (server) => expectHeaders(server, { ...FORWARDED, origin: ORIGIN }),
    },
  ];
}

/** A stack that is compared does what it is compared for. */
async function expectHeaders(server: BenchServer, headers: Readonly<Record<string, string>>): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${PATH}`, {
    headers,
    signal: AbortSignal.timeout(10_000),
  });
  const isSecured = server.spec.stack !== 'bare';
  const expected: readonly (readonly [name: string, value: string | null])[] = [
    ['x-content-type-options', isSecured ? 'nosniff' : null],
    ['access-control-allow-origin', isSecured && headers['origin'] !== undefined ? ORIGIN : null],
  ];
  const wrong = expected.filter(([name, value]) => {
    const actual = answer.headers.get(name);
    // The cors package names its only origin to everybody.
    return actual !== value && !(name.startsWith('access-') && server.spec.stack === 'helmet-cors');
  });
  if (answer.status !== 200 || wrong.length > 0) {
    throw new CorrectnessError(
      `${server.name} answered ${answer.status}, without ${wrong.map(([name]) => name).join()}`,
    );
  }
  return answer.text();
}
