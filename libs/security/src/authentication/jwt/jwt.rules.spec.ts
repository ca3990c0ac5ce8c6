import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { JwtKeySet } from './jwt-key-set.js';
import { checkJwtOptions, jwtWarnings } from './jwt.rules.js';
import { pemOf, signingKey } from './testing/tokens.js';

const rsa = signingKey('RS256');
const secret = randomBytes(64);
const valid = {
  issuer: 'https://issuer.example',
  audience: 'ledger',
  algorithms: ['RS256'],
  key: pemOf(rsa.publicKey),
};
const symmetric = { ...valid, algorithms: ['HS256'], key: undefined, secret };

function problemsOf(options: unknown): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkJwtOptions(options, 'jwt', problems);
  return problems;
}

const linesOf = (options: unknown) =>
  problemsOf(options).map(({ where, problem, fix }) => `${where} ${problem}. ${fix}`);

describe('checkJwtOptions', () => {
  it.each<[string, object]>([
    ['one issuer', valid],
    ['a shared secret', symmetric],
    ['a secret as text', { ...symmetric, secret: secret.toString('base64') }],
    ['a secret as KeyObject', { ...symmetric, secret: createSecretKey(secret) }],
    ['a key provider', { ...valid, key: () => undefined }],
    ['a key provider for HS*', { ...valid, algorithms: ['HS256'], key: () => undefined }],
    ['a key set', { ...valid, key: new JwtKeySet([rsa.publicKey]) }],
    ['several audiences', { ...valid, audience: ['ledger', 'ledger-admin'] }],
    ['any audience', { ...valid, audience: undefined, dangerouslyAcceptAnyAudience: true }],
    ['several issuers', { issuers: [valid, { ...symmetric, issuer: 'https://second.example' }] }],
    [
      'everything',
      {
        ...valid,
        types: ['at+jwt'],
        clockTolerance: 0,
        dangerouslyAllowMissingExpiry: false,
        maxLength: 4096,
        from: [
          'header',
          { cookie: '__Host-token' },
          { query: 'access_token' },
          { form: 'access_token' },
          () => undefined,
        ],
        realm: 'Ledger (test)',
        cache: { max: 2, ttl: 1 },
      },
    ],
    ['no cache', { ...valid, cache: false }],
  ])('finds nothing wrong with %s', (_, options) => {
    expect(linesOf(options)).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['no options', undefined, 'jwt must be an object'],
    ['a list', [valid], 'jwt must be an object'],
    ['an unknown option', { ...valid, audiance: 'ledger' }, 'jwt.audiance is not an option. Did you mean "audience"?'],

    ['no issuer', { ...valid, issuer: undefined }, 'jwt.issuer is missing'],
    ['an empty issuer', { ...valid, issuer: '' }, 'jwt.issuer is empty'],
    ['an issuer with a line break', { ...valid, issuer: 'https://issuer.example\n' }, 'jwt.issuer begins or ends'],
    ['a list of issuers', { ...valid, issuer: ['https://issuer.example'] }, 'jwt.issuer must be text, not a list'],

    ['no audience', { ...valid, audience: undefined }, 'jwt.audience is missing'],
    ['an empty audience', { ...valid, audience: '' }, 'jwt.audience is empty'],
    ['no audiences', { ...valid, audience: [] }, 'jwt.audience is an empty list'],
    ['an audience that is no text', { ...valid, audience: ['ledger', 7] }, 'jwt.audience must be text, not a number'],
    [
      'any audience, half said',
      { ...valid, audience: undefined, dangerouslyAcceptAnyAudience: false },
      'jwt.audience is missing',
    ],
    [
      'any audience and one audience',
      { ...valid, dangerouslyAcceptAnyAudience: true },
      'jwt.dangerouslyAcceptAnyAudience contradicts `audience`',
    ],
    [
      'any audience as text',
      { ...valid, dangerouslyAcceptAnyAudience: 'true' },
      'jwt.dangerouslyAcceptAnyAudience must be true or false, not a string',
    ],

    ['no algorithms', { ...valid, algorithms: undefined }, 'jwt.algorithms is missing'],
    ['an empty list of algorithms', { ...valid, algorithms: [] }, 'jwt.algorithms must list at least one'],
    ['an algorithm as text', { ...valid, algorithms: 'RS256' }, 'jwt.algorithms must list at least one'],
    [
      'a misspelt algorithm',
      { ...valid, algorithms: ['RSA256'] },
      'lists "RSA256", which is not known; did you mean "RS256"?',
    ],
    ['none', { ...valid, algorithms: ['RS256', 'none'] }, 'lists "none": anybody can write a token that nobody signed'],
    ['None', { ...valid, algorithms: ['None'] }, 'lists "none"'],
    ['an algorithm that is no text', { ...valid, algorithms: [null] }, 'jwt.algorithms lists null'],
    ['HS* beside others', { ...valid, algorithms: ['HS256', 'RS256'] }, 'jwt.algorithms mixes HS* with asymmetric'],

    ['no key', { ...valid, key: undefined }, 'jwt.key is missing'],
    ['no secret', { ...symmetric, secret: undefined }, 'jwt.secret is missing'],
    ['key and secret', { ...valid, secret }, 'jwt.secret stands beside `key`'],
    ['a secret for RS256', { ...valid, key: undefined, secret }, 'jwt.secret does not verify asymmetric algorithms'],
    ['a key for HS256', { ...valid, algorithms: ['HS256'] }, 'jwt.key does not verify HS256'],
    ['a short secret', { ...symmetric, secret: secret.subarray(0, 31) }, 'jwt.secret is shorter than 32 bytes'],
    [
      'a secret below HS512',
      { ...symmetric, algorithms: ['HS512'], secret: 'x'.repeat(63) },
      'HS512 asks for: 64 bytes',
    ],
    ['a PEM as secret', { ...symmetric, secret: pemOf(rsa.publicKey) }, 'jwt.secret is a PEM or a JWK'],
    ['text that is no key', { ...valid, key: 'https://issuer.example/keys' }, 'jwt.key is text and no PEM'],
    ['a key for another algorithm', { ...valid, algorithms: ['ES256'] }, 'jwt.key fits none of the algorithms (ES256)'],
    ['a list of keys', { ...valid, key: [valid.key] }, 'jwt.key is a list'],
    [
      'a weak key',
      { ...valid, key: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey },
      'jwt.key is an RSA key below 2048 bits',
    ],
    [
      'several keys without a name',
      {
        ...valid,
        key: { keys: ['first', 'second'].map((name) => signingKey('RS256', name).publicKey.export({ format: 'jwk' })) },
      },
      'jwt.key.keys[1] is the second one without a name',
    ],

    ['types as text', { ...valid, types: 'at+jwt' }, 'jwt.types must be a list'],
    ['no types', { ...valid, types: [] }, 'jwt.types is an empty list'],
    ['an empty type', { ...valid, types: [''] }, 'jwt.types is empty'],
    ['a negative tolerance', { ...valid, clockTolerance: -1 }, 'jwt.clockTolerance must be from 0 to 300, not -1'],
    ['a tolerance above five minutes', { ...valid, clockTolerance: 301 }, 'must be from 0 to 300, not 301'],
    ['a tolerance that is no number', { ...valid, clockTolerance: NaN }, 'must be from 0 to 300, not NaN'],
    ['a tolerance as text', { ...valid, clockTolerance: '5' }, 'jwt.clockTolerance must be a number, not a string'],
    ['a missing expiry as text', { ...valid, dangerouslyAllowMissingExpiry: 'no' }, 'must be true or false'],
    ['a length of zero', { ...valid, maxLength: 0 }, 'jwt.maxLength must be from 1 to 65536'],
    ['a length without bound', { ...valid, maxLength: Infinity }, 'jwt.maxLength must be from 1 to 65536'],
    ['half a character', { ...valid, maxLength: 10.5 }, 'jwt.maxLength must be a whole number'],

    ['no way in', { ...valid, from: [] }, 'jwt.from lists no way in'],
    ['a way in as text', { ...valid, from: 'header' }, 'jwt.from must be a list'],
    ['an unknown way in', { ...valid, from: ['header', 'cookie'] }, 'jwt.from [1] is no place'],
    ['a cookie without a name', { ...valid, from: [{ cookie: '' }] }, 'jwt.from [0] is no place'],
    ['a cookie name with a semicolon', { ...valid, from: [{ cookie: 'a;b' }] }, 'jwt.from [0] is no place'],
    ['two places in one', { ...valid, from: [{ cookie: 'a', query: 'a' }] }, 'jwt.from [0] is no place'],
    ['an empty place', { ...valid, from: [{}] }, 'jwt.from [0] is no place'],
    ['an unknown place', { ...valid, from: [{ body: 'a' }] }, 'jwt.from [0] is no place'],
    ['a place that is null', { ...valid, from: [null] }, 'jwt.from [0] is no place'],
    ['one place twice', { ...valid, from: [{ query: 'a' }, { query: 'a' }] }, 'jwt.from lists one place twice'],

    ['a realm with quotes', { ...valid, realm: 'a"b' }, 'jwt.realm has characters'],
    ['a realm with a backslash', { ...valid, realm: 'a\\b' }, 'jwt.realm has characters'],
    ['a realm with a line break', { ...valid, realm: 'a\r\nSet-Cookie: b' }, 'jwt.realm has characters'],
    ['a realm beyond ASCII', { ...valid, realm: 'Bücher' }, 'jwt.realm has characters'],
    ['an empty realm', { ...valid, realm: '' }, 'jwt.realm must be text'],
    ['a realm that is no text', { ...valid, realm: 7 }, 'jwt.realm must be text, not a number'],

    ['a cache that is true', { ...valid, cache: true }, 'jwt.cache must be an object'],
    ['a cache of one', { ...valid, cache: { max: 1 } }, 'jwt.cache.max must be from 2 to 1000000'],
    ['a cache without bound', { ...valid, cache: { max: Infinity } }, 'jwt.cache.max must be from 2 to 1000000'],
    ['a cache of part of a token', { ...valid, cache: { max: 2.5 } }, 'jwt.cache.max must be a whole number'],
    ['a cache for no time', { ...valid, cache: { ttl: 0 } }, 'jwt.cache.ttl must be from 1 to 86400'],
    [
      'an unknown option of the cache',
      { ...valid, cache: { tll: 5 } },
      'jwt.cache.tll is not an option. Did you mean "ttl"?',
    ],

    ['no issuers', { issuers: [] }, 'jwt.issuers must list issuers'],
    ['issuers that are no list', { issuers: valid }, 'jwt.issuers must list issuers'],
    ['an issuer that is text', { issuers: ['https://issuer.example'] }, 'jwt.issuers[0] must be an object'],
    ['one issuer twice', { issuers: [valid, valid] }, 'names the issuer "https://issuer.example" twice'],
    ['an issuer beside issuers', { ...valid, issuers: [valid] }, 'jwt.issuer stands beside `issuers`'],
    [
      'an issuer without audience',
      { issuers: [{ ...valid, audience: undefined }] },
      'jwt.issuers[0].audience is missing',
    ],
    ['an issuer without key', { issuers: [{ ...valid, key: undefined }] }, 'jwt.issuers[0].key is missing'],
    ['a common option in an issuer', { issuers: [{ ...valid, realm: 'a' }] }, 'jwt.issuers[0].realm is not an option'],
  ])('refuses %s', (_, options, line) => {
    expect(linesOf(options).join('\n')).toContain(line);
  });

  it('gives a fix with every problem', () => {
    const options = { issuer: 7, algorithms: ['none'], clockTolerance: -1, from: [], realm: '"', cache: { max: 0 } };
    const problems = problemsOf(options);
    expect(problems.map(({ where }) => where)).toEqual(
      expect.arrayContaining(['jwt.issuer', 'jwt.audience', 'jwt.algorithms', 'jwt.clockTolerance', 'jwt.key']),
    );
    for (const { fix } of problems) expect(fix).not.toBe('');
  });

  it('never shows a secret or a key', () => {
    const shown = 'Zq8mW2nV7cR5tY9u';
    const wrong = [
      { ...symmetric, secret: shown },
      { ...valid, secret: shown.repeat(4) },
      { ...valid, key: shown.repeat(4) },
      { ...valid, key: `-----BEGIN PRIVATE KEY-----\n${shown}\n-----END PRIVATE KEY-----` },
      { ...valid, key: { kty: 'RSA', n: shown, e: shown, d: shown } },
      { ...valid, key: { kty: 'oct', k: shown } },
      { ...valid, key: { keys: [{ kty: 'EC', crv: shown, x: shown, y: shown }] } },
      { ...valid, [shown]: 1, issuer: undefined, secret: { toString: () => shown } },
    ];
    for (const options of wrong) {
      const problems = problemsOf(options);
      expect(problems).not.toHaveLength(0);
      expect(JSON.stringify(problems.map(({ problem, fix }) => [problem, fix]))).not.toContain(shown);
    }
  });
});

describe('jwtWarnings', () => {
  it('warns of each secret that can be guessed', () => {
    const weak = 'password'.repeat(8);
    const issuers = [
      { ...symmetric, issuer: 'https://weak.example', secret: weak },
      { ...symmetric, issuer: 'https://weak-too.example', secret: createSecretKey(Buffer.from(weak)) },
      { ...symmetric, issuer: 'https://strong.example' },
      { ...valid, issuer: 'https://public.example' },
    ];
    const warnings = jwtWarnings({ issuers } as never);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]?.problem).toContain('https://weak.example');
    expect(warnings[1]?.problem).toContain('https://weak-too.example');
    expect(JSON.stringify(warnings)).not.toContain('password');
  });
});
