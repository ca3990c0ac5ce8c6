import { verdictOn } from './budgets.js';
import { send } from './load.js';
import type { Row } from './results.js';
import type { BenchServer } from './server.js';
import type { StackName } from './servers/stack.js';
import type { Effort } from './settings.js';
import { ratioOf, rotated, spreadOf } from './statistics.js';

/** What the clients do. */
export interface Workload {
  readonly name: string;
  readonly path: string;
  readonly requests: number;
  readonly warmUp: number;
  /** The tokens of a round, the one before the first being -1; absent where none are sent. */
  readonly tokens?: (round: number) => readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The body that the server answers with; throws where it answers something else than it should. */
  readonly expect: (server: BenchServer) => Promise<string>;
  readonly stacks: readonly StackName[];
}

/** One server under one load, and what came of it, round by round. */
export interface Cell {
  readonly workload: Workload;
  readonly server: BenchServer;
  readonly body: string;
  readonly cpu: number[];
  readonly perSecond: number[];
}

/** Measures every workload on every server, the rounds of all of them interleaved. */
export async function compare(
  servers: readonly BenchServer[],
  workloads: readonly Workload[],
  { rounds }: Effort,
  say: (text: string) => void,
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const workload of workloads) {
    const { name, warmUp, expect, stacks } = workload;
    for (const server of servers.filter(({ spec }) => stacks.includes(spec.stack))) {
      say(`warming up ${server.spec.stack}: ${name}`);
      const cell = { workload, server, body: await expect(server), cpu: [], perSecond: [] };
      await load(cell, -1, warmUp);
      cells.push(cell);
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

async function measureOnce(cell: Cell, round: number): Promise<void> {
  const { workload, server, cpu, perSecond } = cell;
  // The assembled stack takes so long for one request that fewer of them fill the same time.
  const requests = server.spec.stack === 'assembled' ? workload.requests / 3 : workload.requests;
  const before = await server.cpu();
  const seconds = await load(cell, round, requests);
  cpu.push(((await server.cpu()) - before) / requests);
  perSecond.push(requests / seconds);
}

function load({ workload, server, body }: Cell, round: number, requests: number): Promise<number> {
  const { path, tokens, headers } = workload;
  return send({
    port: server.port,
    path,
    requests,
    body,
    ...(headers && { headers }),
    ...(tokens && { tokens: tokens(round) }),
  });
}

/** @param suite the beginning of the budgets' names */
export function rowOf({ workload, server, cpu, perSecond }: Cell, cells: readonly Cell[], suite: string): Row {
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
    verdict: promised ? verdictOn(`${suite}/${adapter}/${workload.name}`, comparison.median) : undefined,
  };
}
