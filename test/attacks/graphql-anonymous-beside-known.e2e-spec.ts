import { afterEach, describe, expect, it } from '@jest/globals';
import { codesIn, GRAPHQL_SERVERS, type RunningGraphql } from '../support/graphql.js';
import { startVictim } from './graphql-victim.js';

const NOBODY = JSON.stringify({ kind: 'anonymous', id: '', onRequest: null });

/** Fields of one operation are guarded side by side: the principal of one must not be found by another. */
describe.each(GRAPHQL_SERVERS)('A field that is for anybody beside one that is not (%s)', (server) => {
  let app: RunningGraphql | undefined;

  afterEach(() => app?.close());

  it('learns nothing of who calls the other', async () => {
    const victim = await startVictim(server);
    ({ app } = victim);
    for (const query of [
      '{ tellersOnly anybody }',
      '{ anybody tellersOnly }',
      '{ tellersOnly other: anybody anybody }',
    ]) {
      const { data } = await app.ask(query, victim.bearer({ roles: ['teller'] }));
      expect(data).toMatchObject({ tellersOnly: 'alice', anybody: NOBODY });
    }
  });

  it('does not open the other', async () => {
    const victim = await startVictim(server);
    ({ app } = victim);
    const result = await app.ask('{ anybody a: tellersOnly b: tellersOnly strangersOnly }');
    expect(result.data).toEqual({ anybody: NOBODY, a: null, b: null, strangersOnly: 'a stranger' });
    expect(codesIn(result)).toEqual(['credentials_missing', 'credentials_missing']);
  });

  it('is judged by its own principal, though it is judged last', async () => {
    const victim = await startVictim(server);
    ({ app } = victim);
    const result = await app.ask('{ strangersOnly tellersOnly anybody }', victim.bearer({ roles: ['teller'] }));
    expect(result.data).toEqual({ strangersOnly: null, tellersOnly: 'alice', anybody: NOBODY });
    expect(codesIn(result)).toEqual(['policy_denied']);
  });

  it('is no way in from another operation of a batch', async () => {
    const victim = await startVictim(server);
    ({ app } = victim);
    const results = await app.batch(['{ anybody }', '{ tellersOnly }'], victim.bearer({ roles: ['customer'] }));
    expect(results.map(codesIn)).toEqual([[], ['role_missing']]);
  });
});
