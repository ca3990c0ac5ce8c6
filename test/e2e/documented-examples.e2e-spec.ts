import * as nest from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as palisade from '@palisade/nest';
import { graphql } from '@palisade/nest/graphql';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import * as validator from 'class-validator';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { sharedSecret, signingKey, signToken } from '../support/tokens.js';
import { blocksOf, callsIn, commonJsOf } from '../support/typescript-blocks.js';

const PAGES = [
  'README.md',
  'libs/security/README.md',
  ...readdirSync('docs/guide').map((file) => join('docs/guide', file)),
];
const examples = PAGES.flatMap((page) => blocksOf(page, readFileSync(page, 'utf8'))).filter(
  ({ info }) => info === 'ts',
);

const key = signingKey('ES256');
const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const secret = sharedSecret();
const environment = { env: { ISSUER_PUBLIC_KEY: pem, JWT_SECRET: secret } };

/** Runs code of a page with the names that it leaves to the reader. */
function run(code: string, names: Readonly<Record<string, unknown>>): unknown {
  const known = Object.entries(names).filter(([name]) => name !== 'default');
  return new Function(...known.map(([name]) => name), code)(...known.map(([, value]) => value));
}

/** Returns the module that the first example of a page exports. */
function applicationOf(page: string): nest.Type {
  const text = examples.find((block) => block.page === page)?.text ?? '';
  const exports: { AppModule?: nest.Type } = {};
  const modules: Readonly<Record<string, object>> = {
    '@nestjs/common': nest,
    '@palisade/nest': palisade,
    'class-validator': validator,
  };
  const automatic = /^import /m.test(text) ? {} : { ...nest, ...validator, ...palisade };
  run(commonJsOf(text), { ...automatic, exports, require: (name: string) => modules[name], process: environment });
  if (exports.AppModule === undefined) throw new Error(`The first example of ${page} exports no AppModule`);
  return exports.AppModule;
}

/** By page: the method, the path, the roles of the caller if there is one, and the status. */
const CALLS: Record<string, [method: string, path: string, roles: string[] | undefined, status: number][]> = {
  'docs/guide/getting-started.md': [
    ['GET', '/accounts/rates', undefined, 200],
    ['GET', '/accounts', undefined, 401],
    ['GET', '/accounts', [], 403],
    ['GET', '/accounts', ['customer'], 200],
    ['GET', '/accounts', ['auditor'], 403],
    ['GET', '/accounts/closed', ['customer'], 403],
    ['GET', '/accounts/closed', ['teller'], 200],
    ['GET', '/accounts/closed', ['admin'], 200],
  ],
  'README.md': [
    ['GET', '/accounts/rates', undefined, 200],
    ['GET', '/accounts/mine', undefined, 401],
    ['GET', '/accounts/mine', [], 200],
    ['POST', '/accounts', ['customer'], 403],
    ['POST', '/accounts', ['teller'], 201],
    ['POST', '/accounts', ['admin'], 201],
    ['GET', '/accounts', ['teller'], 403],
    ['GET', '/accounts', ['admin'], 200],
  ],
  'libs/security/README.md': [
    ['GET', '/accounts/rates', undefined, 200],
    ['GET', '/accounts/mine', undefined, 401],
    ['GET', '/accounts/mine', [], 200],
    ['POST', '/accounts', ['customer'], 403],
    ['POST', '/accounts', ['teller'], 201],
    ['POST', '/accounts', ['admin'], 201],
    ['GET', '/accounts', ['teller'], 403],
    ['GET', '/accounts', ['admin'], 200],
  ],
};

describe.each(ADAPTERS)('the first application of a page, on %s', (adapter) => {
  describe.each(Object.entries(CALLS))('%s', (page, calls) => {
    let running: RunningApplication;
    beforeAll(async () => {
      running = await startApplication(adapter, { imports: [applicationOf(page)] });
    });
    afterAll(() => running?.close());

    it.each(calls)('answers %s %s from a caller with the roles %j as its comments say: %i', async (...call) => {
      const [method, path, roles, status] = call;
      const now = running.clock.seconds;
      const claims = { iss: 'https://id.example', aud: 'ledger', sub: 'alice', iat: now, exp: now + 600, roles };
      const symmetric = page === 'libs/security/README.md';
      const token = signToken({ alg: symmetric ? 'HS256' : 'ES256' }, claims, symmetric ? secret : key);
      const answer = await running.client.call(path, {
        method,
        host: 'api.example.com',
        headers: roles === undefined ? {} : { authorization: `Bearer ${token}` },
        ...(method === 'POST' && { body: { owner: 'alice' } }),
      });
      expect(answer.status).toBe(status);
    });
  });
});

const jwt = { issuer: 'https://id.example', audience: 'ledger', algorithms: ['ES256'], key: pem };

/** The names that the options of the pages leave to the reader. */
const NAMES: Readonly<Record<string, unknown>> = {
  ...palisade,
  graphql,
  RedisRateLimitStore,
  process: environment,
  jwt,
  authentication: { jwt },
  authorization: { roles: 'admin > teller > customer' },
  security: { authorization: { roles: 'admin > teller > customer' } },
  publicKey: signingKey('RS256').publicKey,
  newSecret: sharedSecret(),
  oldSecret: sharedSecret(),
  users: { find: () => Promise.resolve(undefined) },
  tenants: { hasOrigin: () => Promise.resolve(false) },
  cloudflareRanges: ['173.245.48.0/20', '2400:cb00::/32'],
  // As much of a client as a store looks at before the first request.
  client: { evalsha: () => Promise.resolve(), eval: () => Promise.resolve(), isCluster: false },
  redis: { evalsha: () => Promise.resolve(), eval: () => Promise.resolve(), isCluster: false },
};

const OPTIONS = examples.flatMap(({ page, line, text }) =>
  callsIn(text, 'SecurityModule.forRoot').map((call, nth) => ({ place: `${page}:${line} (${nth + 1})`, call })),
);

describe('the options that the pages show', () => {
  it('are many', () => {
    expect(OPTIONS.length).toBeGreaterThan(30);
  });

  describe.each(ADAPTERS)('on %s', (adapter) => {
    it.each(OPTIONS)('start an application: $place', async ({ call }) => {
      const root = run(commonJsOf(`const root = ${call}`).concat('\nreturn root;'), NAMES) as nest.DynamicModule;
      const running = await startApplication(adapter, { imports: [root] });
      const answer = await running.client.get('/nowhere');
      await running.close();
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    });
  });
});
