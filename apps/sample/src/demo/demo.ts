import { createLedger } from '../app.js';
import { readConfiguration, type Configuration } from '../configuration.js';
import { Transcript } from './transcript.js';
import { Visitor } from './visitor.js';
import { accounts, badInput, forgedTokens, maskedField, roles, transfers, wayIn } from './walk.js';

/** The whole walk, and the parts of it that differ most between the adapters. */
const WALKS = {
  express: async (visitor: Visitor): Promise<void> => {
    await wayIn(visitor);
    const known = await accounts(visitor);
    await roles(visitor);
    await maskedField(visitor, known);
    await forgedTokens(visitor);
    await badInput(visitor);
    await transfers(visitor, known);
  },
  fastify: async (visitor: Visitor): Promise<void> => {
    await wayIn(visitor);
    await forgedTokens(visitor);
    await badInput(visitor);
  },
} as const;

export interface DemoResult {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Starts Ledger on each adapter in turn, on a free port, walks through it as a client, and ends it again.
 *
 * @param print takes the lines of the transcript
 */
export async function runDemo(print: (line: string) => void, colours: boolean): Promise<DemoResult> {
  const transcript = new Transcript(print, colours);
  for (const adapter of ['express', 'fastify'] as const) {
    print(`\nStarting Ledger on ${adapter}, with a database in memory and a fresh signing key …`);
    // The environment is not looked at: the demo is the same everywhere, and touches no database but its own.
    await walk(readConfiguration({ ADAPTER: adapter, PORT: '0' }), transcript);
  }
  return transcript;
}

async function walk(configuration: Configuration, transcript: Transcript): Promise<void> {
  const ledger = await createLedger(configuration, { logger: ['fatal', 'error'] });
  try {
    await ledger.app.listen(configuration.port, configuration.host);
    const { port } = ledger.app.getHttpServer().address() as { port: number };
    await WALKS[configuration.adapter](new Visitor(ledger, configuration, port, transcript));
  } catch (error) {
    transcript.failure(error instanceof Error ? error.message : 'The walk broke off.');
  } finally {
    await ledger.app.close();
  }
}
