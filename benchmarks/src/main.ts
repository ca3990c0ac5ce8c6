import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CorrectnessError } from './correctness.js';
import { renderMachine, renderSuite } from './report.js';
import { describeMachine } from './results.js';
import type { Machine, SuiteResult } from './results.js';
import { readSettings, USAGE, UsageError } from './settings.js';
import { ServerDied } from './server.js';
import type { Effort, Settings, SuiteName } from './settings.js';
import { measureEdge } from './suites/edge.js';
import { measureGrowth } from './suites/growth.js';
import { measureRateLimiting } from './suites/rate-limiting.js';
import { measureRateLimitingRedis } from './suites/rate-limiting-redis.js';
import { measureStacks } from './suites/stacks.js';
import { measureStartup } from './suites/startup.js';
import { measureToken } from './suites/token.js';

type Suite = (effort: Effort, profiles: string | undefined) => Promise<SuiteResult>;

const suites: Readonly<Record<SuiteName, Suite>> = {
  stacks: measureStacks,
  edge: measureEdge,
  token: measureToken,
  growth: measureGrowth,
  startup: measureStartup,
  'rate-limiting': measureRateLimiting,
  'rate-limiting-redis': measureRateLimitingRedis,
};

const RESULTS = new URL('../results/', import.meta.url);

async function run({ suites: names, quick, json, profile, effort }: Settings): Promise<void> {
  const machine = await describeMachine();
  if (!json) console.log(`${renderMachine(machine)}${quick ? '\nQuick run: the figures are rough.' : ''}\n`);
  const profiles = profile ? fileURLToPath(new URL('profiles', RESULTS)) : undefined;
  const documents: object[] = [];
  for (const name of names) {
    const startedAt = new Date().toISOString();
    const result = await suites[name](effort, profiles);
    const document = { startedAt, quick, profiled: profile, machine, ...result };
    documents.push(document);
    await keep(name, document);
    if (!json) console.log(`${renderSuite(result)}\n`);
  }
  if (json) console.log(JSON.stringify(documents, undefined, 2));
}

function isExpected(error: unknown): error is Error {
  return error instanceof CorrectnessError || error instanceof ServerDied || error instanceof UsageError;
}

async function keep(name: SuiteName, document: SuiteResult & { readonly machine: Machine }): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL(`${name}.json`, RESULTS), `${JSON.stringify(document, undefined, 2)}\n`);
}

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings === 'help') console.log(USAGE);
  else await run(settings);
} catch (error) {
  console.error(isExpected(error) ? error.message : error);
  process.exitCode = 1;
}
