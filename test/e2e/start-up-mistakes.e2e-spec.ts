import { Controller, Get, Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { SecurityConfigurationError, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName } from '../support/application.js';
import { securityWith, trusting } from '../support/security.js';
import { signingKey } from '../support/tokens.js';

const key = signingKey('ES256');

@Controller()
class Routes {
  @Get()
  list() {
    return {};
  }
}

/** What is wrong, whether that shows when the module is imported or when the application starts. */
async function problemsOf(
  importing: () => ModuleMetadata['imports'],
  adapter: AdapterName = 'express',
): Promise<readonly string[]> {
  try {
    const running = await startApplication(adapter, { imports: importing(), controllers: [Routes] });
    await running.close();
  } catch (error) {
    if (!(error instanceof SecurityConfigurationError)) throw error;
    return error.problems.map(({ where, problem, fix }) => `${where}: ${problem}. ${fix}`);
  }
  return [];
}

class SecuritySettings {
  readonly security = {};
}

const asyncWith = (options: unknown) => () => [SecurityModule.forRootAsync(options as never)];
const rootWith = (options: unknown) => () => [SecurityModule.forRoot(options as SecurityOptions)];
const featureWith = (options: unknown) => () => [SecurityModule.forFeature(options as never)];

@Module({ providers: [SecuritySettings] })
class Hidden {}

@Module({ providers: [SecuritySettings], exports: [SecuritySettings] })
class Shown {}

describe.each(ADAPTERS)('imports: [SecurityModule] on %s', (adapter) => {
  const bare = /^imports: \[SecurityModule\]: imports SecurityModule without options\. Write SecurityModule\.forRoot\(/;

  it('stops the start in the root module, and says what to write instead', async () => {
    expect(await problemsOf(() => [SecurityModule], adapter)).toEqual([expect.stringMatching(bare)]);
  });

  it('stops the start in a feature module, beside forRoot in the root module', async () => {
    @Module({ imports: [SecurityModule] })
    class Feature {}
    const imports = () => [SecurityModule.forRoot(securityWith(key)), Feature];
    expect(await problemsOf(imports, adapter)).toEqual([expect.stringMatching(bare)]);
  });
});

describe('A mistake of the first minute stops the start and says what to write instead:', () => {
  it.each<[string, () => ModuleMetadata['imports'], RegExp]>([
    ['forRoot()', rootWith(undefined), /must be an object, not undefined\. Write SecurityModule\.forRoot\(\{/],
    ['forRoot(null)', rootWith(null), /must be an object, not null\. Write SecurityModule\.forRoot\(\{/],
    ['forRoot with text', rootWith('jwt'), /must be an object, not a string/],
    ['forRoot with a list', rootWith([{}]), /must be an object, not a list/],
    ['forRoot with a function', rootWith(() => ({})), /not a function\. Write SecurityModule\.forRootAsync\(/],
    ['forRoot with a class', rootWith(SecuritySettings), /not a function/],
    ['forRoot with a promise', rootWith(Promise.resolve({})), /not a promise\. Write SecurityModule\.forRootAsync\(/],
    ['forRoot with a Map', rootWith(new Map([['authentication', {}]])), /must be an object of options, not a Map/],
    ['forRoot with a date', rootWith(new Date()), /must be an object of options, not a Date/],
    [
      'forRoot with useFactory',
      rootWith({ useFactory: () => ({}) }),
      /cannot have useFactory\. Write SecurityModule\.forRootAsync\(/,
    ],
    [
      'forRoot with inject and useClass',
      rootWith({ useClass: SecuritySettings, inject: [] }),
      /cannot have useClass and inject/,
    ],
    [
      'forFeature()',
      featureWith(undefined),
      /^SecurityModule\.forFeature: must be an object, not undefined\. Write SecurityModule\.forFeature\(\{/,
    ],
    ['forFeature with a promise', featureWith(Promise.resolve({})), /not a promise/],
    ['forFeature with a list', featureWith(['admin']), /not a list\. Write SecurityModule\.forFeature\(\{/],
    ['forRootAsync()', asyncWith(undefined), /must be given an object with useFactory, not undefined\. Write Secur/],
    ['forRootAsync with a function', asyncWith(() => ({})), /must be given an object with useFactory, not a function/],
    ['forRootAsync({})', asyncWith({}), /useFactory: is missing\. Write SecurityModule\.forRootAsync\(/],
    [
      'useClass',
      asyncWith({ useClass: SecuritySettings }),
      /^SecurityModule\.forRootAsync: useClass: is not an option of forRootAsync\. Write inject: \[SecuritySettings\]/,
    ],
    ['useExisting', asyncWith({ useExisting: SecuritySettings }), /useExisting: is not an option.* Write inject: \[/],
    ['useValue', asyncWith({ useValue: {} }), /useValue: .*Write SecurityModule\.forRoot\(/],
    ['isGlobal', asyncWith({ isGlobal: true, useFactory: () => ({}) }), /isGlobal: .*Leave it out: the module is/],
    ['authentication', asyncWith({ authentication: {} }), /authentication: .*Return it from useFactory, or write/],
    [
      'an unknown option',
      asyncWith({ usefactory: () => ({}) }),
      /usefactory: is not an option of forRootAsync\. Did you mean "useFactory"/,
    ],
    ['useFactory that is no function', asyncWith({ useFactory: {} }), /useFactory: must be a function, not an object/],
    ['useFactory that is a class', asyncWith({ useFactory: SecuritySettings }), /useFactory: is a class\. Write a f/],
    ['inject that is no list', asyncWith({ inject: SecuritySettings, useFactory: () => ({}) }), /inject: must be a l/],
    ['imports that is no list', asyncWith({ imports: Shown, useFactory: () => ({}) }), /imports: must be a list/],
    [
      'inject with what a circular import left undefined',
      asyncWith({ inject: [undefined], useFactory: () => ({}) }),
      /inject\[0\]: is undefined\. .*circular import/,
    ],
    [
      'useFactory with more parameters than inject',
      asyncWith({ useFactory: (settings: SecuritySettings) => settings.security }),
      /useFactory: has 1 parameters, and inject names 0: the others would be undefined/,
    ],
    [
      'useFactory that returns nothing',
      asyncWith({ useFactory: () => undefined }),
      /useFactory: returned undefined in place of the options\. Return them: useFactory: \(\) => \(\{/,
    ],
    ['useFactory that promises nothing', asyncWith({ useFactory: async () => null }), /returned null in place of/],
    [
      'useFactory that throws',
      asyncWith({
        useFactory: () => {
          throw new TypeError('JWT_KEY is not set');
        },
      }),
      /useFactory: threw TypeError: JWT_KEY is not set/,
    ],
    [
      'useFactory that rejects',
      asyncWith({ useFactory: () => Promise.reject(new Error('no answer')) }),
      /useFactory: threw Error: no answer/,
    ],
    ['useFactory that rejects with text', asyncWith({ useFactory: () => Promise.reject('no') }), /threw a string/],
    [
      'inject of what nobody provides',
      asyncWith({ inject: [SecuritySettings], useFactory: () => ({}) }),
      /inject: names SecuritySettings, which no module of the application provides\. Add the module/,
    ],
    [
      'inject of what is provided elsewhere',
      () => [Hidden, SecurityModule.forRootAsync({ inject: [SecuritySettings], useFactory: () => ({}) })],
      /inject: names SecuritySettings, which it cannot reach\. Add Hidden to imports of forRootAsync, and SecuritySetti/,
    ],
    [
      'options of useFactory that are wrong',
      asyncWith({ useFactory: () => ({ authorisation: {} }) }),
      /authorisation: is not an option\. Did you mean "authorization"/,
    ],
    [
      'forRoot twice',
      () => [SecurityModule.forRoot(securityWith(key)), SecurityModule.forRoot(securityWith(key))],
      /SecurityModule: is imported with forRoot more than once\. Import forRoot in the root module alone/,
    ],
    [
      'forRoot beside forRootAsync',
      () => [
        SecurityModule.forRoot(securityWith(key)),
        SecurityModule.forRootAsync({ useFactory: () => securityWith(key) }),
      ],
      /is imported with forRoot more than once/,
    ],
  ])('%s', async (_, importing, expected) => {
    const problems = await problemsOf(importing);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('keeps the error of a factory as the cause', async () => {
    const cause = new Error('no answer');
    const start = startApplication('express', {
      imports: [SecurityModule.forRootAsync({ useFactory: () => Promise.reject(cause) })],
    });
    await expect(start).rejects.toMatchObject({ cause });
  });

  it('tells the error of what is injected, where that breaks', async () => {
    @Injectable()
    class Broken {
      constructor() {
        throw new RangeError('the settings are out of range');
      }
    }
    @Module({ providers: [Broken], exports: [Broken] })
    class BrokenModule {}
    const start = startApplication('express', {
      imports: [
        SecurityModule.forRootAsync({
          imports: [BrokenModule],
          inject: [Broken],
          useFactory: () => ({}),
        }),
      ],
    });
    await expect(start).rejects.toThrow('the settings are out of range');
  });
});

describe('forRootAsync', () => {
  it('injects tokens, optional ones and values that are undefined', async () => {
    const seen: unknown[] = [];
    const NOTHING = Symbol('nothing');
    @Module({
      providers: [SecuritySettings, { provide: NOTHING, useValue: undefined }],
      exports: [SecuritySettings, NOTHING],
    })
    class Settings {}
    const found = await problemsOf(() => [
      SecurityModule.forRootAsync({
        imports: [Settings],
        inject: [{ token: 'absent', optional: true }, SecuritySettings, NOTHING],
        useFactory: (...dependencies: unknown[]) => {
          seen.push(...dependencies);
          return securityWith(key);
        },
      }),
    ]);
    expect(found).toEqual([]);
    expect(seen).toEqual([undefined, new SecuritySettings(), undefined]);
  });
});

describe('What an unset environment variable leaves undefined is named:', () => {
  const unset = process.env['PALISADE_TEST_UNSET'];
  const issuer = { issuer: 'https://id.example', audience: 'a' };
  it.each([
    ['secret', { ...issuer, algorithms: ['HS256'], secret: unset }],
    ['key', { ...issuer, algorithms: ['ES256'], key: unset }],
    ['issuer', { ...trusting(key), issuer: unset }],
    ['audience', { ...trusting(key), audience: unset }],
  ])('authentication.jwt.%s', async (name, jwt) => {
    const [problem, ...others] = await problemsOf(rootWith({ authentication: { jwt } }));
    expect(others).toEqual([]);
    expect(problem).toMatch(new RegExp(`^authentication\\.jwt\\.${name}: is undefined`));
    expect(problem).toContain('environment variable');
  });

  it.each([
    ['hosts[0]', { hosts: [unset] }],
    ['cors.origins[0]', { cors: { origins: [unset] } }],
    ['csrf.token.secret', { csrf: { token: { secret: unset } } }],
    ['proxy.trust', { proxy: { trust: unset } }],
    ['rateLimit.limits.all', { rateLimit: { limits: { all: unset } } }],
    ['bans.blocklist[0]', { bans: { blocklist: [unset] } }],
  ])('%s', async (where, options) => {
    const [problem, ...others] = await problemsOf(rootWith(options));
    expect(others).toEqual([]);
    expect(problem?.startsWith(`${where}: is undefined. `)).toBe(true);
    expect(problem).toContain('the environment variable is not set');
  });

  it.each([
    ['secret', { ...issuer, algorithms: ['HS256'], secret: '' }],
    ['key', { ...issuer, algorithms: ['ES256'], key: '' }],
  ])('authentication.jwt.%s that is set to nothing', async (name, jwt) => {
    const [problem] = await problemsOf(rootWith({ authentication: { jwt } }));
    expect(problem).toMatch(new RegExp(`^authentication\\.jwt\\.${name}: `));
    expect(problem).toContain('empty');
  });
});
