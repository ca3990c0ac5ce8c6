import { describe, expect, it } from '@jest/globals';
import { parseOptions } from '@node-rs/argon2';
import { OWASP_PASSWORD_COST, Passwords } from './passwords.js';

const passwords = new Passwords({ memoryCost: 64, timeCost: 1, parallelism: 1 });

describe('a password', () => {
  it('is kept as an argon2id hash with the cost that OWASP recommends', async () => {
    await expect(new Passwords(OWASP_PASSWORD_COST).hash('correct horse')).resolves.toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/,
    );
  });

  it('has a salt of its own each time', async () => {
    expect(await passwords.hash('correct horse')).not.toBe(await passwords.hash('correct horse'));
  });

  it('matches its hash, and no other password does', async () => {
    const hash = await passwords.hash('correct horse');
    await expect(passwords.matches(hash, 'correct horse')).resolves.toBe(true);
    await expect(passwords.matches(hash, 'correct horse ')).resolves.toBe(false);
    await expect(passwords.matches(hash, '')).resolves.toBe(false);
  });

  it('is checked as a whole, also behind a NUL and beyond 72 bytes', async () => {
    const hash = await passwords.hash(`a\0b${'x'.repeat(100)}`);
    await expect(passwords.matches(hash, 'a')).resolves.toBe(false);
    await expect(passwords.matches(hash, `a\0b${'x'.repeat(99)}y`)).resolves.toBe(false);
  });

  it('never matches where there is no user', async () => {
    await expect(passwords.matches(undefined, 'correct horse')).resolves.toBe(false);
  });

  it('costs the same work where there is no user: the decoy is hashed as passwords are', async () => {
    expect(parseOptions(await passwords.decoy())).toEqual(parseOptions(await passwords.hash('correct horse')));
  });

  it('has one decoy, which is not made anew for each request', async () => {
    expect(await passwords.decoy()).toBe(await passwords.decoy());
  });
});
