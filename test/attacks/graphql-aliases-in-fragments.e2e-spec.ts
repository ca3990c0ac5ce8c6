import { afterEach, describe, expect, it } from '@jest/globals';
import { codesIn, GRAPHQL_SERVERS, type RunningGraphql } from '../support/graphql.js';
import { ATTEMPTS_ALLOWED, guess, guesses, startVictim } from './graphql-victim.js';

/** Whoever counts the fields that stand in the operation sees one, or none. */
describe.each(GRAPHQL_SERVERS)('A login whose aliases come from fragments (%s)', (server) => {
  let app: RunningGraphql | undefined;

  afterEach(() => app?.close());

  const aliases = (from: number) =>
    Array.from({ length: 10 }, (_, index) => `g${from + index}: ${guess(from + index)}`).join(' ');

  it.each([
    ['a fragment', `mutation { ...A } fragment A on Mutation { ${aliases(0)} }`],
    [
      'fragments in fragments',
      `mutation { ...A } fragment A on Mutation { ${aliases(0)} ...B } fragment B on Mutation { ${aliases(10)} }`,
    ],
    ['fragments in place', `mutation { ... on Mutation { ${aliases(0)} ... { ${aliases(10)} } } }`],
    ['fragments that a directive includes', `mutation { ... @include(if: true) { ${aliases(0)} } }`],
  ])('has as many attempts as elsewhere: %s', async (_, query) => {
    ({ app } = await startVictim(server));
    const codes = codesIn(await app.ask(query));
    expect(guesses).toHaveLength(ATTEMPTS_ALLOWED);
    expect(codes).toContain('rate_limited');
  });
});
