/** What a measurement may cost, as the design promises it. */
export interface Budget {
  readonly limit: number;
  readonly unit: '×' | 'ms' | 'bytes';
  /** What the number is compared with. */
  readonly against: string;
}

/** Every budget, by `suite/adapter or algorithm/what`. */
const BUDGETS: Readonly<Record<string, Budget>> = {
  'stacks/express/one token': { limit: 1.25, unit: '×', against: 'bare Nest on Express' },
  'stacks/express/100 tokens': { limit: 1.25, unit: '×', against: 'bare Nest on Express' },
  'stacks/express/one token, a field to hide': { limit: 1.25, unit: '×', against: 'bare Nest on Express' },
  'stacks/fastify/one token': { limit: 1.6, unit: '×', against: 'bare Nest on Fastify' },
  'stacks/fastify/100 tokens': { limit: 1.6, unit: '×', against: 'bare Nest on Fastify' },
  'stacks/fastify/one token, a field to hide': { limit: 1.6, unit: '×', against: 'bare Nest on Fastify' },
  'edge/express/no origin': { limit: 1.15, unit: '×', against: 'bare Nest on Express' },
  'edge/express/another origin': { limit: 1.15, unit: '×', against: 'bare Nest on Express' },
  'edge/fastify/no origin': { limit: 1.35, unit: '×', against: 'bare Nest on Fastify' },
  'edge/fastify/another origin': { limit: 1.35, unit: '×', against: 'bare Nest on Fastify' },
  'token/RS256': { limit: 2, unit: '×', against: 'crypto.verify with an imported key' },
  'token/ES256': { limit: 2, unit: '×', against: 'crypto.verify with an imported key' },
  // "Flat" needs a number: what two runs of one server differ by, and a little more.
  'growth/fastify': { limit: 1.1, unit: '×', against: 'its own cost over bare Nest with 10 routes' },
  'rate-limiting/bytes': { limit: 150, unit: 'bytes', against: 'nothing: what a client takes in the memory store' },
  'startup/express': { limit: 100, unit: 'ms', against: 'added to bare Nest with as many routes' },
  'startup/fastify': { limit: 100, unit: 'ms', against: 'added to bare Nest with as many routes' },
};

export interface Verdict extends Budget {
  readonly met: boolean;
  /** For people: `within 1.25 ×`, or by how much it is missed. */
  readonly text: string;
}

/** The verdict on a value, or `undefined` where nothing is promised. */
export function verdictOn(name: string, value: number): Verdict | undefined {
  const budget = BUDGETS[name];
  if (budget === undefined) return undefined;
  const met = value <= budget.limit;
  const excess = budget.unit === '×' ? (value - budget.limit).toFixed(2) : (value - budget.limit).toFixed(0);
  const limit = `${budget.limit} ${budget.unit}`;
  return { ...budget, met, text: met ? `within budget (${limit})` : `over by ${excess} ${budget.unit} (${limit})` };
}
