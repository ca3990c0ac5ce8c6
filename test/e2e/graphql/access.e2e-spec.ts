import { Catch, type ExceptionFilter } from '@nestjs/common';
import { Args, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  ClientIp,
  CurrentUser,
  OptionalAuth,
  Permissions,
  Policy,
  Public,
  Roles,
  Scopes,
  SecurityEvents,
  SecurityException,
  type AccessContext,
  type Principal,
  type SecurityEvent,
} from '@palisade/nest';
import { codesIn, GRAPHQL_SERVERS, RunningGraphql } from '../../support/graphql.js';
import { securityWith } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';

const key = signingKey('ES256');

let seen: AccessContext | undefined;

@Resolver()
class Bank {
  @Query(() => String)
  plain(@CurrentUser('id') id: string) {
    return id;
  }

  @Query(() => String)
  @Public()
  open(@CurrentUser('kind') kind: string) {
    return kind;
  }

  @Query(() => String)
  @OptionalAuth()
  optional(@CurrentUser() user: Principal) {
    return `${user.kind} ${user.id}`;
  }

  @Query(() => String)
  @Authenticated('jwt')
  scheme(@CurrentUser('scheme') scheme: string) {
    return scheme;
  }

  @Query(() => String)
  @Roles('teller')
  teller() {
    return 'teller';
  }

  @Query(() => String)
  @Permissions('account:read')
  permitted() {
    return 'permitted';
  }

  @Mutation(() => String)
  @Scopes('transfers:write')
  transfer() {
    return 'transferred';
  }

  @Query(() => String)
  @Policy((principal, context) => {
    seen = context;
    return context.params['owner'] === principal.id;
  })
  account(@Args('owner') owner: string, @Args('page', { type: () => Int, nullable: true }) page?: number) {
    return `${owner} ${page ?? 'all'}`;
  }

  @Query(() => String)
  @Public()
  address(@ClientIp() address: string) {
    return address;
  }
}

describe.each(GRAPHQL_SERVERS)('A resolver (%s)', (server) => {
  let bank: RunningGraphql;
  let issuer: TokenIssuer;
  const events: SecurityEvent[] = [];
  beforeAll(async () => {
    const security = securityWith(key, {
      authorization: { permissions: { teller: ['account:read'] } },
    });
    bank = await RunningGraphql.start(server, security, { providers: [Bank] });
    issuer = new TokenIssuer(key, bank.running.clock);
    bank.running.app.get(SecurityEvents).subscribe((event) => events.push(event));
  });
  afterAll(() => bank.close());

  const as = (claims: object = {}) => ({ authorization: `Bearer ${issuer.issue(claims)}` });

  it('asks for credentials where nothing is declared', async () => {
    expect(await bank.ask('{ plain }')).toMatchObject({
      data: null,
      errors: [
        {
          message: 'Authentication is required',
          path: ['plain'],
          extensions: { code: 'credentials_missing', status: 401 },
        },
      ],
    });
    expect(await bank.ask('{ plain }', as())).toEqual({ data: { plain: 'alice' } });
  });

  it('refuses credentials that are wrong, by the code of what is wrong with them', async () => {
    const expired = as({ iat: 1, exp: 2 });
    expect(codesIn(await bank.ask('{ plain }', expired))).toEqual(['token_expired']);
    expect(codesIn(await bank.ask('{ optional }', expired))).toEqual(['token_expired']);
  });

  it('is open where it is public, to a caller who is nobody there', async () => {
    expect(await bank.ask('{ open }')).toEqual({ data: { open: 'anonymous' } });
    expect(await bank.ask('{ open }', as())).toEqual({ data: { open: 'anonymous' } });
  });

  it('knows a caller who may be anonymous', async () => {
    expect(await bank.ask('{ optional }')).toEqual({ data: { optional: 'anonymous ' } });
    expect(await bank.ask('{ optional scheme }', as())).toEqual({ data: { optional: 'user alice', scheme: 'jwt' } });
  });

  it('asks for roles, permissions and scopes', async () => {
    expect(codesIn(await bank.ask('{ teller }', as({ roles: ['customer'] })))).toEqual(['role_missing']);
    expect(codesIn(await bank.ask('{ permitted }', as({ roles: ['customer'] })))).toEqual(['permission_missing']);
    expect(codesIn(await bank.ask('mutation { transfer }', as()))).toEqual(['scope_missing']);
    expect(await bank.ask('{ teller permitted }', as({ roles: ['admin'] }))).toEqual({
      data: { teller: 'teller', permitted: 'permitted' },
    });
    expect(await bank.ask('mutation { transfer }', as({ scope: 'transfers:write' }))).toEqual({
      data: { transfer: 'transferred' },
    });
  });

  it('tells policies its arguments, as parameters as well', async () => {
    expect(await bank.ask('{ account(owner: "alice", page: 2) }', as())).toEqual({ data: { account: 'alice 2' } });
    expect(seen).toMatchObject({ params: { owner: 'alice', page: '2' }, args: { owner: 'alice', page: 2 } });
    expect(seen?.execution.getType()).toBe('graphql');
    expect(codesIn(await bank.ask('{ account(owner: "bob") }', as()))).toEqual(['policy_denied']);
  });

  it('knows the address of the client', async () => {
    expect(await bank.ask('{ address }')).toEqual({ data: { address: '127.0.0.1' } });
  });

  it('shows filters of the application what they see over HTTP', async () => {
    @Catch(SecurityException)
    class Filter implements ExceptionFilter {
      catch(exception: SecurityException) {
        return JSON.stringify([exception.code, exception.getStatus(), exception.getResponse()]);
      }
    }
    const filtered = await RunningGraphql.start(server, securityWith(key), {
      providers: [Bank],
      configure: (app) => app.useGlobalFilters(new Filter()),
    });
    const { data } = await filtered.ask('{ plain }');
    expect(JSON.parse(String(data?.['plain']))).toEqual([
      'credentials_missing',
      401,
      expect.objectContaining({ statusCode: 401, code: 'credentials_missing' }),
    ]);
    await filtered.close();
  });

  it('is told of in events', async () => {
    events.length = 0;
    await bank.ask('{ plain teller }', as({ tenant: 'north' }));
    expect(events).toMatchObject([
      { allowed: true, route: 'Bank.plain', transport: 'graphql', method: 'POST', address: '127.0.0.1' },
      { allowed: false, reason: 'role_missing', route: 'Bank.teller', principalId: 'alice', scheme: 'jwt' },
    ]);
  });

  it('answers with the headers of the edge, and tells caches to keep nothing of a known caller', async () => {
    const open = await bank.send({ query: '{ open }' });
    expect(open.headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    const known = await bank.send({ query: '{ plain }' }, as());
    expect(known.headers['cache-control']).toContain('no-store');
  });
});
