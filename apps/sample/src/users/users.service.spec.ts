import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { Database } from '../database/database.js';
import { EmbeddedDatabase } from '../database/embedded-database.js';
import { migrate } from '../database/migrator.js';
import { users } from '../database/schema.js';
import { Passwords } from './passwords.js';
import { UsersService } from './users.service.js';

const alice = { username: 'alice', name: 'Alice', roles: ['customer'], password: 'correct horse' } as const;

describe('users', () => {
  let database: Database;
  let service: UsersService;

  beforeAll(async () => {
    database = await EmbeddedDatabase.open();
    await migrate(database);
    service = new UsersService(database, new Passwords({ memoryCost: 64, timeCost: 1, parallelism: 1 }));
    await service.upsertDemoUser(alice);
  });

  afterAll(() => database.close());

  it('sign in with their password', async () => {
    await expect(service.authenticate('alice', 'correct horse')).resolves.toMatchObject({ username: 'alice' });
  });

  it.each([
    ['a wrong password', 'alice', 'wrong horse'],
    ['an unknown name', 'mallory', 'correct horse'],
    ['another case', 'Alice', 'correct horse'],
    ['a NUL in the name', 'alice\0', 'correct horse'],
    ['half a surrogate pair in the name', 'alice\ud800', 'correct horse'],
    ['SQL in the name', "alice' or '1'='1", 'correct horse'],
    ['a line break behind the name', 'alice\n', 'correct horse'],
  ])('do not sign in with %s', async (_, username, password) => {
    await expect(service.authenticate(username, password)).resolves.toBeUndefined();
  });

  it.each(['', 'alice', '../etc/passwd', "' or true --", 'x'.repeat(10_000)])(
    'are not found by the id %#',
    async (id) => {
      await expect(service.findById(id)).resolves.toBeUndefined();
    },
  );

  it('of the demo get a new password at the next start, and stay the same user', async () => {
    const before = await service.findByUsername('alice');
    const renewed = await service.upsertDemoUser({ ...alice, password: 'battery staple' });
    expect(renewed).toMatchObject({ isNew: false, user: { id: before?.id } });
    await expect(service.authenticate('alice', 'correct horse')).resolves.toBeUndefined();
    await expect(service.authenticate('alice', 'battery staple')).resolves.toBeDefined();
  });

  it('that are real are left alone by the demo', async () => {
    const real = { id: '00000000-0000-4000-8000-000000000001', username: 'root', name: 'Root', roles: ['admin'] };
    await database.query((orm) => orm.insert(users).values({ ...real, passwordHash: '$argon2id$untouched' }));
    const demo = { username: 'root', name: 'Demo', roles: ['admin'], password: 'x' } as const;
    await expect(service.upsertDemoUser(demo)).resolves.toBeUndefined();
    await expect(service.findByUsername('root')).resolves.toMatchObject({
      name: 'Root',
      passwordHash: '$argon2id$untouched',
    });
  });

  it('are told apart from demo users', async () => {
    await expect(service.hasDemoUsers()).resolves.toBe(true);
    await database.query((orm) => orm.delete(users).where(eq(users.demo, true)));
    await expect(service.hasDemoUsers()).resolves.toBe(false);
  });

  it('are listed a page at a time', async () => {
    await service.upsertDemoUser(alice);
    const all = await service.list({ limit: 10 });
    expect(all.map(({ username }) => username)).toEqual(['root', 'alice']);
    await expect(service.list({ limit: 10, after: all[0]?.id as string })).resolves.toEqual([all[1]]);
    await expect(service.list({ limit: 1 })).resolves.toEqual([all[0]]);
  });
});
