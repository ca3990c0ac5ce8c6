import { parseArgs } from 'node:util';

export const SUITES = ['stacks', 'edge', 'token', 'growth', 'startup', 'rate-limiting', 'rate-limiting-redis'] as const;
export type SuiteName = (typeof SUITES)[number];

export const ADAPTERS = ['express', 'fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

/**
 * How much is measured. Everything is bounded by counts; nothing runs "for a while". Many short rounds tell more than a
 * few long ones: what disturbs the machine for a second then falls on neighbours alike.
 */
export interface Effort {
  readonly rounds: number;
  /** Requests before the first measured one, each server and workload. */
  readonly warmUp: number;
  /** Requests in a round, by adapter: as many as take long enough to be read off the process clock. */
  readonly requests: Readonly<Record<Adapter, number>>;
  /** Tokens nobody has seen, each round and before the first; signing them takes longer than checking them. */
  readonly unseen: number;
  readonly unseenWarmUp: number;
  /** Tokens in a batch of the token suite. */
  readonly batch: number;
  readonly batchRounds: number;
  readonly starts: number;
  /** Hits in a round of the rate-limiting suite. */
  readonly hits: number;
  readonly hitRounds: number;
  /** How many clients there are, from run to run. */
  readonly clients: readonly number[];
}

const FULL: Effort = {
  rounds: 21,
  warmUp: 3000,
  requests: { express: 600, fastify: 1500 },
  unseen: 300,
  unseenWarmUp: 1500,
  batch: 500,
  batchRounds: 15,
  starts: 7,
  hits: 20_000,
  hitRounds: 11,
  clients: [1, 1000, 1_000_000],
};

const QUICK: Effort = {
  rounds: 5,
  warmUp: 800,
  requests: { express: 240, fastify: 600 },
  unseen: 150,
  unseenWarmUp: 500,
  batch: 200,
  batchRounds: 5,
  starts: 3,
  hits: 5000,
  hitRounds: 3,
  clients: [1, 100_000],
};

export interface Settings {
  readonly suites: readonly SuiteName[];
  readonly quick: boolean;
  /** Nothing but JSON on the standard output. */
  readonly json: boolean;
  /** Servers write a CPU profile when they stop. */
  readonly profile: boolean;
  readonly effort: Effort;
}

export const USAGE = `npm run bench -- [suite …] [--quick] [--json] [--profile]

  suites      ${SUITES.join(', ')} (all of them, unless named)
  --quick     fewer rounds: a check that everything runs, and rough figures
  --json      the results as JSON on the standard output, and nothing else there
  --profile   each server leaves a CPU profile in benchmarks/results/profiles`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the command line. Throws on what it does not know. */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const unknown = positionals.filter((name) => !isSuite(name));
  if (unknown.length > 0) throw new UsageError(`No such suite: ${unknown.join(', ')}. There are: ${SUITES.join(', ')}`);
  return {
    suites: positionals.length > 0 ? SUITES.filter((name) => positionals.includes(name)) : SUITES,
    quick: values.quick,
    json: values.json,
    profile: values.profile,
    effort: values.quick ? QUICK : FULL,
  };
}

function isSuite(name: string): name is SuiteName {
  return (SUITES as readonly string[]).includes(name);
}
