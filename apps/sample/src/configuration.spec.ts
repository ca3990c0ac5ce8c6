import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { ConfigurationError, readConfiguration } from './configuration.js';

const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const production = {
  NODE_ENV: 'production',
  LEDGER_SIGNING_KEY: pem,
  ALLOWED_HOSTS: 'ledger.example',
  TRUST_PROXY: '1',
};

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfiguration(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
  }
  return [];
}

describe('the environment', () => {
  it('may be empty: Express on port 3000 of the loopback address, with an embedded database in memory', () => {
    expect(readConfiguration({})).toMatchObject({
      production: false,
      adapter: 'express',
      host: '127.0.0.1',
      port: 3000,
      database: { kind: 'embedded', directory: undefined },
    });
  });

  it('is read where it is set', () => {
    const environment = {
      ADAPTER: 'fastify',
      HOST: '::1',
      PORT: '0',
      DATA_DIR: 'data',
      DEMO_PASSWORD: 'correct horse',
    };
    expect(readConfiguration(environment)).toMatchObject({
      adapter: 'fastify',
      host: '::1',
      port: 0,
      database: { kind: 'embedded', directory: 'data' },
      demo: { password: 'correct horse', generated: false },
    });
  });

  it('counts an empty variable as one that is not set', () => {
    expect(readConfiguration({ PORT: '', ADAPTER: '', DATABASE_URL: '', NODE_ENV: '' })).toMatchObject({
      port: 3000,
      adapter: 'express',
      database: { kind: 'embedded' },
    });
  });

  it('prefers DATABASE_URL to DATA_DIR', () => {
    const url = 'postgres://ledger@localhost/ledger';
    expect(readConfiguration({ DATABASE_URL: url, DATA_DIR: 'data' }).database).toEqual({ kind: 'server', url });
  });

  it('gives demo users a new random password at each start', () => {
    const [first, second] = [readConfiguration({}).demo, readConfiguration({}).demo];
    expect(first?.generated).toBe(true);
    expect(first?.password).toMatch(/^[\w-]{20}$/);
    expect(first?.password).not.toBe(second?.password);
  });

  it('has no demo users in production, not even with DEMO_PASSWORD', () => {
    expect(readConfiguration({ ...production, DEMO_PASSWORD: 'correct horse' }).demo).toBeUndefined();
  });

  it('makes a key pair of its own outside production', () => {
    expect(readConfiguration({}).signingKey.id).not.toBe(readConfiguration({}).signingKey.id);
  });

  it('must bring the signing key in production', () => {
    expect(problemsOf({ ...production, LEDGER_SIGNING_KEY: '' })).toEqual([
      expect.stringMatching(/^LEDGER_SIGNING_KEY is required in production/),
    ]);
    expect(readConfiguration(production).production).toBe(true);
  });

  it.each(['prod', 'Production', 'staging'])(
    'is refused with NODE_ENV=%s, which might have meant production',
    (stage) => {
      expect(problemsOf({ NODE_ENV: stage })).toEqual(['NODE_ENV must be one of development, test, production']);
    },
  );

  it.each(['-1', '65536', '3000x', '1e3', ' 80', '0x50'])('is refused with PORT=%s', (port) => {
    expect(problemsOf({ PORT: port })).toEqual(['PORT must be a port number from 0 to 65535']);
  });

  it('is refused with several problems at once, each named', () => {
    expect(
      problemsOf({ ADAPTER: 'koa', PORT: 'x', DATABASE_URL: 'mysql://localhost/x', LEDGER_SIGNING_KEY: 'x' }),
    ).toEqual([
      'ADAPTER must be one of express, fastify',
      'PORT must be a port number from 0 to 65535',
      'DATABASE_URL must be a URL of the form postgres://user:password@host:port/name',
      'LEDGER_SIGNING_KEY must be an unencrypted private key as PKCS #8 PEM',
    ]);
  });

  it('is refused without repeating a value, which may be secret', () => {
    const environment = {
      DATABASE_URL: 'mysql://ledger:hunter2@localhost/x',
      LEDGER_SIGNING_KEY: 'hunter2',
      PORT: 'hunter2',
    };
    expect(() => readConfiguration(environment)).toThrow(ConfigurationError);
    expect(problemsOf(environment).join()).not.toContain('hunter2');
  });

  it('is refused with a demo password that nobody could sign in with', () => {
    expect(problemsOf({ DEMO_PASSWORD: 'x'.repeat(1025) })).toEqual([
      'DEMO_PASSWORD must have at most 1024 characters',
    ]);
  });
});
