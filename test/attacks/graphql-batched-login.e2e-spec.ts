import { afterEach, describe, expect, it } from '@jest/globals';
import { codesIn, GRAPHQL_SERVERS, type RunningGraphql } from '../support/graphql.js';
import { ATTEMPTS_ALLOWED, guess, guesses, startVictim } from './graphql-victim.js';

const GUESSES = 100;

/** The operations of a batch run side by side, in one request. */
describe.each(GRAPHQL_SERVERS)('A login that a batch calls a hundred times (%s)', (server) => {
  let app: RunningGraphql | undefined;

  afterEach(() => app?.close());

  it('has as many attempts as if it were a hundred requests', async () => {
    ({ app } = await startVictim(server));
    const results = await app.batch(Array.from({ length: GUESSES }, (_, index) => `mutation { ${guess(index)} }`));
    expect(results).toHaveLength(GUESSES);
    expect(guesses).toHaveLength(ATTEMPTS_ALLOWED);
    expect(results.flatMap(codesIn).filter((code) => code === 'rate_limited')).toHaveLength(GUESSES - ATTEMPTS_ALLOWED);
  });

  it('has as many attempts where every operation has aliases as well', async () => {
    ({ app } = await startVictim(server));
    await app.batch(Array.from({ length: 10 }, (_, index) => `mutation { a: ${guess(index)} b: ${guess(index)} }`));
    expect(guesses).toHaveLength(ATTEMPTS_ALLOWED);
  });
});
