import { createLedger } from '../app.js';
import { readConfiguration, type Configuration } from '../configuration.js';
import { APP_ORIGIN, BANK, behindProxy, otherOrigins, page, pastProxy, session, unwelcome } from './edge.walk.js';
import { limits } from './limits.walk.js';
import { Transcript } from './transcript.js';
import { Visitor } from './visitor.js';
import { accounts, badInput, forgedTokens, maskedField, roles, transfers, wayIn } from './walk.js';

type Walk = (visitor: Visitor) => Promise<void>;

/** The whole walk, and the parts of it that differ most between the adapters. */
const WALKS: Readonly<Record<Configuration['adapter'], Walk>> = {
  express: async (visitor) => {
    await wayIn(visitor);
    await unwelcome(visitor);
    await otherOrigins(visitor);
    await page(visitor);
    const known = await accounts(visitor);
    await roles(visitor);
    await maskedField(visitor, known);
    await forgedTokens(visitor);
    await badInput(visitor);
    await transfers(visitor, known);
    await session(visitor, known);
    await limits(visitor);
  },
  fastify: async (visitor) => {
    await wayIn(visitor);
    await unwelcome(visitor);
    await otherOrigins(visitor);
    await page(visitor);
    await forgedTokens(visitor);
    await badInput(visitor);
    await session(visitor, await accounts(visitor));
    await limits(visitor);
  },
};

interface Place {
  readonly words: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly walk: Walk;
}

/** Where in the network Ledger stands, and what is walked through there. */
function placesOf(adapter: Configuration['adapter']): readonly Place[] {
  return [
    {
      words: 'with a database in memory and a fresh signing key',
      environment: { CORS_ORIGINS: APP_ORIGIN },
      walk: WALKS[adapter],
    },
    {
      words: 'behind a proxy on this machine',
      environment: { ALLOWED_HOSTS: BANK, TRUST_PROXY: '127.0.0.1', HTTPS_MODE: 'reject' },
      walk: behindProxy,
    },
    {
      words: 'behind a proxy elsewhere',
      environment: { ALLOWED_HOSTS: BANK, TRUST_PROXY: '192.0.2.0/24', HTTPS_MODE: 'redirect' },
      walk: pastProxy,
    },
  ];
}

export interface DemoResult {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Starts Ledger on each adapter and in each place in turn, on a free port, walks through it as a client, and ends it.
 *
 * @param print takes the lines of the transcript
 */
export async function runDemo(print: (line: string) => void, colours: boolean): Promise<DemoResult> {
  const transcript = new Transcript(print, colours);
  for (const adapter of ['express', 'fastify'] as const) {
    for (const { words, environment, walk } of placesOf(adapter)) {
      print(`\nStarting Ledger on ${adapter}, ${words} …`);
      // The environment is not looked at: the demo is the same everywhere, and touches no database but its own.
      await visit(readConfiguration({ ...environment, ADAPTER: adapter, PORT: '0' }), walk, transcript);
    }
  }
  return transcript;
}

async function visit(configuration: Configuration, walk: Walk, transcript: Transcript): Promise<void> {
  const ledger = await createLedger(configuration, { logger: ['fatal', 'error'] });
  try {
    await ledger.app.listen(configuration.port, configuration.host);
    const { port } = ledger.app.getHttpServer().address() as { port: number };
    await walk(new Visitor(ledger, configuration, port, transcript));
  } catch (error) {
    transcript.failure(error instanceof Error ? error.message : 'The walk broke off.');
  } finally {
    await ledger.app.close();
  }
}
