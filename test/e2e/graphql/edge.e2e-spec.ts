import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OptionalAuth, Public } from '@palisade/nest';
import { codesIn, GRAPHQL_SERVERS, RunningGraphql } from '../../support/graphql.js';
import { trusting } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';

const key = signingKey('ES256');

@Resolver()
class Bank {
  static transfers = 0;

  @Query(() => String, { nullable: true })
  balance() {
    return '12.50';
  }

  @Query(() => String, { nullable: true })
  @Public()
  echo(@Args('text') text: string) {
    return text;
  }

  @Mutation(() => String, { nullable: true })
  transfer() {
    Bank.transfers++;
    return 'transferred';
  }

  @Mutation(() => String, { nullable: true })
  @OptionalAuth()
  feedback() {
    return 'thanks';
  }
}

const FOREIGN = { origin: 'https://evil.example' };
/** Apollo refuses on its own what a form could send; this makes it leave that to the library. */
const PREFLIGHTED = { 'x-apollo-operation-name': 'any' };

describe.each(GRAPHQL_SERVERS)('The edge before GraphQL (%s)', (server) => {
  let app: RunningGraphql;
  let cookie: { readonly cookie: string };
  let own: { readonly origin: string };
  beforeAll(async () => {
    app = await RunningGraphql.start(
      server,
      {
        authentication: { jwt: { ...trusting(key), from: ['header', { cookie: 'jwt' }] } },
        hosts: ['127.0.0.1'],
        firewall: { bodyLimit: '4kb' },
      },
      { providers: [Bank] },
    );
    cookie = { cookie: `jwt=${new TokenIssuer(key, app.running.clock).issue()}` };
    own = { origin: `http://127.0.0.1:${app.running.client.port}` };
  });
  afterAll(() => app.close());

  it('lets a page of its own change something by a cookie', async () => {
    expect(await app.ask('mutation { transfer }', { ...cookie, ...own })).toEqual({
      data: { transfer: 'transferred' },
    });
  });

  it('does not let another site change anything by a cookie', async () => {
    Bank.transfers = 0;
    for (const query of ['mutation { transfer }', 'mutation { a: transfer feedback }']) {
      const codes = codesIn(await app.ask(query, { ...cookie, ...FOREIGN, ...PREFLIGHTED }));
      expect(new Set(codes)).toEqual(new Set(['csrf_cross_origin']));
    }
    const results = await app.batch(['{ echo(text: "x") }', 'mutation { transfer }'], { ...cookie, ...FOREIGN });
    expect(results.flatMap(codesIn)).toEqual(['csrf_cross_origin']);
    expect(Bank.transfers).toBe(0);
  });

  it('lets another site change what a token in a header lets it', async () => {
    const authorization = `Bearer ${new TokenIssuer(key, app.running.clock).issue()}`;
    expect(await app.ask('mutation { transfer }', { authorization, ...FOREIGN })).toMatchObject({
      data: { transfer: 'transferred' },
    });
  });

  it('lets queries be read by GET, and nothing be changed by it', async () => {
    Bank.transfers = 0;
    const get = (query: string) =>
      app.running.client.get(`/graphql?query=${encodeURIComponent(query)}`, { ...cookie, ...FOREIGN, ...PREFLIGHTED });
    expect((await get('{ balance }')).body).toEqual({ data: { balance: '12.50' } });
    expect((await get('mutation { transfer }')).status).toBe(405);
    expect(Bank.transfers).toBe(0);
  });

  it('lets nothing be changed by HEAD, which Fastify serves where GET is, and another site may send', async () => {
    Bank.transfers = 0;
    for (const query of ['mutation { transfer }', 'mutation { a: transfer feedback }']) {
      const headers = { ...cookie, ...FOREIGN, ...PREFLIGHTED };
      await app.running.client.call(`/graphql?query=${encodeURIComponent(query)}`, { method: 'HEAD', headers });
    }
    expect(Bank.transfers).toBe(0);
  });

  it('takes no mutation that a form could send', async () => {
    Bank.transfers = 0;
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await app.send('{"query":"mutation { transfer }"}', {
        ...cookie,
        ...FOREIGN,
        'content-type': type,
      });
      expect(answer.text).not.toContain('transferred');
    }
    expect(Bank.transfers).toBe(0);
  });

  it('serves the hosts that are listed, and takes bodies as large as it says', async () => {
    const call = { method: 'POST', body: { query: '{ echo(text: "x") }' } };
    expect((await app.running.client.call('/graphql', { ...call, host: 'evil.example' })).body).toMatchObject({
      code: 'host_refused',
    });
    const large = `{ echo(text: "${'x'.repeat(5000)}") }`;
    expect((await app.send({ query: large })).status).toBe(413);
  });
});
