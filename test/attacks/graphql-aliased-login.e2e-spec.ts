import { afterEach, describe, expect, it } from '@jest/globals';
import { codesIn, GRAPHQL_SERVERS, type RunningGraphql } from '../support/graphql.js';
import { ATTEMPTS_ALLOWED, guess, guesses, startVictim } from './graphql-victim.js';

const GUESSES = 100;

/** One request and one operation: whoever counts requests sees one attempt. */
describe.each(GRAPHQL_SERVERS)('A login that one operation calls a hundred times under aliases (%s)', (server) => {
  let app: RunningGraphql | undefined;

  afterEach(() => app?.close());

  it('has as many attempts as if it were a hundred requests', async () => {
    ({ app } = await startVictim(server));
    const aliases = Array.from({ length: GUESSES }, (_, index) => `g${index}: ${guess(index)}`);
    const codes = codesIn(await app.ask(`mutation { ${aliases.join(' ')} }`));
    expect(guesses).toHaveLength(ATTEMPTS_ALLOWED);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(GUESSES - ATTEMPTS_ALLOWED);
  });

  it('has no more of them in the next request', async () => {
    ({ app } = await startVictim(server));
    for (let i = 0; i < 10; i++) await app.ask(`mutation { a: ${guess(i)} b: ${guess(i)} }`);
    expect(guesses).toHaveLength(ATTEMPTS_ALLOWED);
  });
});
