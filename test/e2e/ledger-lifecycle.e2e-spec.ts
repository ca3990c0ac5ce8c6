import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aliceSignsIn, RunningLedger } from './ledger.harness.js';

describe('Ledger', () => {
  const production = {
    NODE_ENV: 'production',
    ALLOWED_HOSTS: '127.0.0.1',
    HTTPS_MODE: 'off',
    LEDGER_SIGNING_KEY: generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  };
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('has no demo users in production, and takes tokens of the key it was given', async () => {
    const bank = await RunningLedger.start(production);
    try {
      expect((await bank.signIn(aliceSignsIn)).body.error).toBe('invalid_grant');
      const { value: token } = await bank.ledger.tokens.issue({ id: randomUUID(), roles: ['admin'] });
      expect(decodeProtectedHeader(token).alg).toBe('ES256');
      expect((await bank.get('/admin/users', { token })).body).toEqual([]);
    } finally {
      await bank.stop();
    }
  });

  it('keeps its data in DATA_DIR, and does not take that to production with its demo users', async () => {
    const environment = { DATA_DIR: join(directory, 'new', 'data') };
    const first = await RunningLedger.start(environment);
    const account = await first.accountOf('alice');
    await first.stop();
    const second = await RunningLedger.start(environment);
    expect((await second.get('/accounts', { as: 'alice' })).list.map(({ id }) => id)).toEqual([account]);
    await second.stop();
    await expect(RunningLedger.start({ ...environment, ...production })).rejects.toThrow('holds demo users');
  });
});
