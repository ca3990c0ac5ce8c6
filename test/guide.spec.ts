import { beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blocksOf, faultsOf, type Fault, type Surroundings } from './support/typescript-blocks.js';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'libs/security/README.md',
  'apps/sample/README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

/** Languages of blocks that are not for the compiler. */
const OTHER_LANGUAGES = ['diff', 'json', 'nginx', 'sh', 'text', 'yaml'];

/** Blocks marked `ts before`, which show code that is to be replaced: "page: first line". */
const BEFORE: string[] = [];

const SURROUNDINGS: Surroundings = {
  modules: [
    '@palisade/nest',
    '@palisade/nest/redis',
    '@palisade/nest/graphql',
    '@nestjs/common',
    '@nestjs/config',
    '@nestjs/core',
    '@nestjs/passport',
    '@nestjs/platform-express',
    '@nestjs/testing',
    '@jest/globals',
    'class-transformer',
    'class-validator',
    'express',
    'jose',
    'node:os',
  ],
  // The names that belong to the application of the reader; each is used by some page.
  declarations: {
    app: "import type { NestFastifyApplication } from '@nestjs/platform-fastify'; declare const app: NestFastifyApplication;",
    bans: 'declare const bans: Bans;',
    events: 'declare const events: SecurityEvents;',
    logger: 'declare const logger: Logger;',
    clientID: 'declare const clientID: string;',
    clientSecret: 'declare const clientSecret: string;',
    jwt: 'declare const jwt: JwtOptions;',
    authentication: 'declare const authentication: AuthenticationOptions;',
    authorization: 'declare const authorization: AuthorizationOptions;',
    publicKey: 'declare const publicKey: string;',
    current: 'declare const current: string;',
    next: 'declare const next: string;',
    newSecret: 'declare const newSecret: string;',
    oldSecret: 'declare const oldSecret: string;',
    client: "import type { Redis } from 'ioredis'; declare const client: Redis;",
    cloudflareRanges: 'declare const cloudflareRanges: string[];',
    users: 'declare const users: { find(id: string): Promise<{ id: string; roles: string[] } | undefined> };',
    tenants: 'declare const tenants: { hasOrigin(origin: string): Promise<boolean> };',
    SignIn: 'declare class SignIn { email: string; password: string }',
    Users: 'declare class Users { verify(email: string, password: string): Promise<{ id: string } | undefined> }',
    Tokens: 'declare class Tokens { issue(user: { id: string }): Promise<string> }',
    Accounts:
      'declare class Accounts { all(): object[]; ownedBy(id: string): object[]; ownerOf(id?: string): Promise<string> }',
    AccountsController: 'declare class AccountsController { list(): object[] }',
    AppModule: 'declare class AppModule {}',
    Item: 'declare class Item { amount: number }',
    Balance: 'declare class Balance { cents: number }',
    Rate: 'declare class Rate { percent: number }',
    Transfer: 'declare class Transfer { id: string }',
    Session: 'declare class Session { token: string }',
    OwnsAccount: 'declare class OwnsAccount implements AccessPolicy { decide(user: Principal): boolean }',
  },
  absent: {
    '@nestjs/config': `
      export declare class ConfigModule {}
      export declare class ConfigService {
        get<T = any>(name: string): T | undefined;
        getOrThrow<T = any>(name: string): Exclude<T, undefined>;
      }`,
    'passport-google-oauth20': `
      import { Strategy as PassportStrategy } from 'passport';
      export interface Profile { id: string; displayName: string }
      export interface StrategyOptions { clientID: string; clientSecret: string; callbackURL: string; scope?: string[] }
      type Done = (error: unknown, user?: object | false) => void;
      type Verify = (accessToken: string, refreshToken: string, profile: Profile, done: Done) => void;
      export declare class Strategy extends PassportStrategy {
        constructor(options: StrategyOptions, verify: Verify);
      }`,
  },
};

const blocks = PAGES.flatMap((page) => blocksOf(page, readFileSync(page, 'utf8')));
const examples = blocks.filter(({ info }) => info === 'ts');
const before = blocks.filter(({ info }) => info === 'ts before');

/** Blocks that nobody wrote into a page, each with the line and the beginning of what the compiler says of it. */
const WRONG: Record<string, [text: string, fault: string]> = {
  'a value of another type': [
    "\nconst name: string = 5;\nexport const other = '';",
    "3 Type 'number' is not assignable",
  ],
  'a name from nowhere': ['await bans.ban(somebody);', "2 Cannot find name 'somebody'"],
  'a syntax error': ['const = 5;', '2 Variable declaration expected'],
  'an option that does not exist': ["hosts: ['example.com'],\nhost: [],", '3 Object literal may only specify known'],
  'an option that reads as a label': ['https: { mode: true }', "2 Type 'true' is not assignable"],
  'an option with a semicolon': ['csrf: { trustedOrigins: [] };', "2 ',' expected"],
  'an option behind a statement': ['const max = 1;\nproxy: { trust: max }', "2 ':' expected"],
  'an option in braces': ["{ https: { mode: 'reject' } }", '2 Property assignment expected'],
  'a member with a wrong decorator': ["@Get('a')\n@BodyLimit([])\nadd() {}", "3 Argument of type 'never[]'"],
  'a member with an unknown decorator': ['@Gett()\nadd() {}', "2 Cannot find name 'Gett'"],
  'a field without a value': ['class Account {\n  id: string;\n}', "3 Property 'id' has no initializer"],
  'a class used before its declaration': [
    '@Module({ controllers: [A] })\nclass M {}\n@Controller()\nclass A {}',
    "2 Class 'A' used before its declaration",
  ],
  'an import that is missing beside others': [
    "import { Controller } from '@nestjs/common';\n@Controller()\nclass A {\n  @Get() list() {}\n}",
    "5 Cannot find name 'Get'",
  ],
  'an import of what is not exported': [
    "import { Nothing } from '@palisade/nest';",
    '2 Module \'"@palisade/nest"\' has no',
  ],
  'a text that may be missing': [
    "declare const config: ConfigService;\nauthenticate(config.get<string>('ISSUER'));\nfunction authenticate(issuer: string) {}",
    "3 Argument of type 'string | undefined'",
  ],
  'a parameter without a type': ['export const find = (id) => id;', "2 Parameter 'id' implicitly has an 'any' type"],
  'elements that may be missing': ["const first: string = ['a'][0];", "2 Type 'string | undefined' is not assignable"],
};

/** Blocks that lack what the rules give them. */
const RIGHT: Record<string, string> = {
  'options of the module': "hosts: ['example.com'],\nhttps: { mode: 'reject' },",
  'one option': "hosts: ['example.com']",
  'members of a class': "@Get('mine')\n@Roles('teller')\nmine(@CurrentUser() user: Principal) {}",
  'statements without imports': "await bans.unban('203.0.113.9');",
  'a module with its imports': "import { Public } from '@palisade/nest';\n@Public()\nexport class A {}",
  'a declaration of a name that a module exports': 'class Get {}\nexport const get: Get = new Get();',
};

describe('the examples of the pages', () => {
  let faults: Fault[];
  const faultsIn = (page: string) =>
    faults.filter((fault) => fault.page === page).map(({ line, message }) => `${line} ${message}`);

  beforeAll(() => {
    const wrong = Object.entries(WRONG).map(([page, [text]]) => ({ page, line: 1, info: 'ts', text }));
    const right = Object.entries(RIGHT).map(([page, text]) => ({ page, line: 1, info: 'ts', text }));
    faults = faultsOf([...examples, ...before, ...wrong, ...right], SURROUNDINGS);
  });

  it.each([...new Set(examples.map(({ page }) => page))])('compile under strict in %s', (page) => {
    const lines = new Set(before.filter((block) => block.page === page).map(({ line }) => line));
    const found = faults.filter((fault) => fault.page === page && !lines.has(fault.block));
    expect(found.map(({ line, message }) => `${page}:${line} ${message}`)).toEqual([]);
  });

  it('are in TypeScript, or in a language that is not compiled', () => {
    const others = blocks.filter(({ info }) => !['ts', 'ts before', ...OTHER_LANGUAGES].includes(info));
    expect(others.map(({ page, line, info }) => `${page}:${line} ${info}`)).toEqual([]);
    expect(examples.length).toBeGreaterThan(50);
  });

  it('need not compile only where they are listed as code to be replaced', () => {
    expect(before.map(({ page, text }) => `${page}: ${text.split('\n')[0]}`)).toEqual(BEFORE);
    const compiling = before.filter(({ page, line }) => !faults.some((one) => one.page === page && one.block === line));
    expect(compiling.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
  });

  it('use every name that is declared for them', () => {
    const text = examples.map((block) => block.text).join('\n');
    const unused = Object.keys(SURROUNDINGS.declarations).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
    expect(unused).toEqual([]);
  });

  it.each(Object.entries(WRONG))('are refused with %s', (page, [, fault]) => {
    expect(faultsIn(page)[0]).toMatch(new RegExp(`^${fault.replace(/[[\]|().+*?\\^$]/g, '\\$&')}`));
  });

  it.each(Object.keys(RIGHT))('may be %s', (page) => {
    expect(faultsIn(page)).toEqual([]);
  });
});

describe('the blocks of a page', () => {
  it.each([
    ['by themselves', '# Page\n\n```ts\na;\n```\n', [{ line: 3, info: 'ts', text: 'a;' }]],
    ['in lists', '- item\n\n  ```ts\n  a {\n    b;\n  }\n  ```\n', [{ line: 3, info: 'ts', text: 'a {\n  b;\n}' }]],
    ['in quotations', '> ```ts\n> a;\n> ```\n', [{ line: 1, info: 'ts', text: 'a;' }]],
    ['with tildes', '~~~ts\na;\n~~~\n', [{ line: 1, info: 'ts', text: 'a;' }]],
    ['with words behind the language', '``` ts before\na;\n```\n', [{ line: 1, info: 'ts before', text: 'a;' }]],
    ['without a language', '```\na;\n```\n', [{ line: 1, info: '', text: 'a;' }]],
    ['around other fences', '````md\n```ts\na;\n```\n````\n', [{ line: 1, info: 'md', text: '```ts\na;\n```' }]],
  ])('are found %s', (_, markdown, expected) => {
    expect(blocksOf('page.md', markdown)).toEqual(expected.map((block) => ({ page: 'page.md', ...block })));
  });

  it('are not cut short by the end of the page', () => {
    expect(() => blocksOf('page.md', 'text\n```ts\na;\n')).toThrow('page.md:2 opens a block that nothing closes');
  });
});
