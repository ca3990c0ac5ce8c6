import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { ConfigurationError, readConfiguration, type Configuration } from './configuration.js';

const LEDGER_SIGNING_KEY = generateKeyPairSync('ed25519')
  .privateKey.export({ format: 'pem', type: 'pkcs8' })
  .toString();
const production = {
  NODE_ENV: 'production',
  LEDGER_SIGNING_KEY,
  ALLOWED_HOSTS: 'ledger.example',
  TRUST_PROXY: '10.0.0.0/8',
};

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfiguration(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
  }
  return [];
}

function edgeOf(environment: Record<string, string>): Configuration['edge'] {
  return readConfiguration(environment).edge;
}

describe('the edge, from the environment', () => {
  it('is this machine alone in development: no proxy, no other origin, no TLS', () => {
    expect(edgeOf({})).toEqual({
      hosts: ['localhost', '127.0.0.1', '[::1]'],
      origins: [],
      trustedProxies: undefined,
      httpsMode: 'off',
    });
  });

  it('rejects plain requests in production, unless it is told not to', () => {
    expect(edgeOf(production).httpsMode).toBe('reject');
    expect(edgeOf({ ...production, HTTPS_MODE: 'off' }).httpsMode).toBe('off');
  });

  it('is read where it is set', () => {
    expect(
      edgeOf({
        ALLOWED_HOSTS: 'ledger.example, *.ledger.example,[2001:db8::1]:8443',
        CORS_ORIGINS: 'https://app.ledger.example, http://localhost:5173',
        TRUST_PROXY: '10.0.0.0/8, fd00::/8',
        HTTPS_MODE: 'redirect',
      }),
    ).toEqual({
      hosts: ['ledger.example', '*.ledger.example', '[2001:db8::1]:8443'],
      origins: ['https://app.ledger.example', 'http://localhost:5173'],
      trustedProxies: ['10.0.0.0/8', 'fd00::/8'],
      httpsMode: 'redirect',
    });
  });

  it('takes a number for TRUST_PROXY as so many proxies', () => {
    expect(edgeOf({ TRUST_PROXY: '2' }).trustedProxies).toBe(2);
  });

  it('must name its hosts in production', () => {
    expect(problemsOf({ ...production, ALLOWED_HOSTS: '' })).toEqual([
      'ALLOWED_HOSTS is required in production: the names that the bank is reached by, with commas',
    ]);
  });

  it.each(['redirect', 'reject'])('needs a proxy that tells who came over TLS with HTTPS_MODE=%s', (mode) => {
    expect(problemsOf({ HTTPS_MODE: mode })).toEqual([
      `TRUST_PROXY is required while HTTPS_MODE is ${mode}: only a proxy can tell that a client came over TLS`,
    ]);
  });

  it('needs one in production, where HTTPS_MODE is reject unless told', () => {
    expect(problemsOf({ ...production, TRUST_PROXY: '' })).toEqual([
      expect.stringMatching(/^TRUST_PROXY is required while HTTPS_MODE is reject/),
    ]);
  });

  it.each([
    ['ALLOWED_HOSTS', '*', 'would accept every host'],
    ['ALLOWED_HOSTS', 'https://ledger.example', 'is a URL'],
    ['ALLOWED_HOSTS', '.ledger.example', 'begins with a dot'],
    ['ALLOWED_HOSTS', 'a b', 'is no host'],
    ['CORS_ORIGINS', '*', "is '*' in a list"],
    ['CORS_ORIGINS', 'null', 'is null'],
    ['CORS_ORIGINS', 'https://app.ledger.example/', 'is not written as browsers write an origin'],
    ['CORS_ORIGINS', 'https://*', 'has a star'],
    ['TRUST_PROXY', '0.0.0.0/0', 'takes in strangers'],
    ['TRUST_PROXY', 'true', 'is neither an address'],
    ['TRUST_PROXY', '10.0.0.1/8', 'has bits set'],
  ])('is refused with %s=%s, which %s', (name, value, problem) => {
    const [first, ...others] = problemsOf({ [name]: value });
    expect(first?.startsWith(`${name} number 1 ${problem.slice(0, 20)}`)).toBe(true);
    expect(others).toEqual([]);
  });

  it.each(['0', '33', '99999999999999999999'])(
    'is refused with TRUST_PROXY=%s, which is no number of proxies',
    (value) => {
      expect(problemsOf({ TRUST_PROXY: value })).toEqual([expect.stringMatching(/^TRUST_PROXY (?!number)/)]);
    },
  );

  it.each(['ALLOWED_HOSTS', 'CORS_ORIGINS', 'TRUST_PROXY'])(
    'names the entry of %s that is wrong, an empty one too',
    (name) => {
      const good = { ALLOWED_HOSTS: 'a.example', CORS_ORIGINS: 'https://a.example', TRUST_PROXY: '10.0.0.1' }[name];
      expect(problemsOf({ [name]: `${good},` })).toEqual([expect.stringMatching(`^${name} number 2 `)]);
    },
  );

  it('lets no page call that came in plain, in production', () => {
    const CORS_ORIGINS = 'https://app.ledger.example,http://app.ledger.example';
    expect(problemsOf({ ...production, CORS_ORIGINS })).toEqual([
      'CORS_ORIGINS number 2 must begin with https:// in production',
    ]);
  });

  it.each(['on', 'Reject', 'true'])('is refused with HTTPS_MODE=%s', (mode) => {
    expect(problemsOf({ HTTPS_MODE: mode })).toEqual(['HTTPS_MODE must be one of off, redirect, reject']);
  });
});
