import { Injectable } from '@nestjs/common';
import { asc, eq, gt, sql } from 'drizzle-orm';
import { randomUUID } from 'node:crypto';
import { Database } from '../database/database.js';
import { users } from '../database/schema.js';
import { isIdentifier } from '../identifiers.js';
import type { PageQuery } from '../page.query.js';
import { Passwords } from './passwords.js';
import { User, type Role } from './user.js';

export interface NewUser {
  readonly username: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly password: string;
}

// Whatever is not a username must not reach a query: PostgreSQL answers text with a NUL in it with an error.
const USERNAME = /^[a-z][a-z0-9._-]{0,31}$/;

@Injectable()
export class UsersService {
  constructor(
    private readonly database: Database,
    private readonly passwords: Passwords,
  ) {}

  /** The user, when the password is right. An unknown name and a wrong password take the same time. */
  async authenticate(username: string, password: string): Promise<User | undefined> {
    const user = await this.findByUsername(username);
    return (await this.passwords.matches(user?.passwordHash, password)) ? user : undefined;
  }

  async findByUsername(username: string): Promise<User | undefined> {
    if (!USERNAME.test(username)) return undefined;
    const [row] = await this.database.query((orm) => orm.select().from(users).where(eq(users.username, username)));
    return row && new User(row);
  }

  async findById(id: string): Promise<User | undefined> {
    if (!isIdentifier(id)) return undefined;
    const [row] = await this.database.query((orm) => orm.select().from(users).where(eq(users.id, id)));
    return row && new User(row);
  }

  async list({ limit, after }: PageQuery): Promise<User[]> {
    const rows = await this.database.query((orm) => {
      const behind = after && orm.select({ position: users.position }).from(users).where(eq(users.id, after));
      return orm
        .select()
        .from(users)
        .where(behind ? gt(users.position, behind) : undefined)
        .orderBy(asc(users.position))
        .limit(limit);
    });
    return rows.map((row) => new User(row));
  }

  /**
   * Adds a demo user, or renews the password of one that is there. A real user of the same name is left alone.
   *
   * @returns the user and whether it is new
   */
  async upsertDemoUser({
    username,
    name,
    roles,
    password,
  }: NewUser): Promise<{ user: User; isNew: boolean } | undefined> {
    const id = randomUUID();
    const passwordHash = await this.passwords.hash(password);
    const [row] = await this.database.query((orm) =>
      orm
        .insert(users)
        .values({ id, username, name, roles: [...roles], passwordHash, demo: true })
        .onConflictDoUpdate({ target: users.username, set: { passwordHash }, setWhere: sql`${users.demo}` })
        .returning(),
    );
    return row && { user: new User(row), isNew: row.id === id };
  }

  async hasDemoUsers(): Promise<boolean> {
    const found = await this.database.query((orm) =>
      orm.select({ id: users.id }).from(users).where(eq(users.demo, true)).limit(1),
    );
    return found.length > 0;
  }
}
