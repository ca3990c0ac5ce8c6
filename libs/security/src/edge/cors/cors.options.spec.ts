import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkCorsOptions } from './cors.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkCorsOptions(options, 'cors', problems);
  return problems;
}

const origins = ['https://app.example.com'];

describe('the options of CORS', () => {
  it.each<[string, object]>([
    ['one origin', { origins }],
    ['every page, without credentials', { origins: '*', methods: '*', headers: '*' }],
    ['a port', { origins: ['http://localhost:3000'] }],
    ['addresses', { origins: ['http://127.0.0.1:8080', 'http://[::1]:3000', 'https://[2001:db8::1]'] }],
    ['names in Punycode', { origins: ['https://xn--exmple-cua.com'] }],
    ['other schemes', { origins: ['capacitor://localhost', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'] }],
    ['patterns', { origins: ['https://*.example.com', 'https://*.example.com:8443', 'http://*.localhost:3000'] }],
    ['an anchored expression', { origins: [/^https:\/\/pr-\d+\.example\.com$/] }],
    ['a function', { origins: () => true }],
    ['a look-up', { origins: { resolve: () => true } }],
    [
      'a look-up in full',
      { origins: { resolve: async () => true, always: origins, cache: { max: 1, ttl: 1 }, timeout: 0.5 } },
    ],
    [
      'everything said',
      {
        origins,
        methods: ['GET', 'PUT', 'PROPFIND'],
        headers: ['Authorization', 'X-Request-Id'],
        exposed: ['RateLimit', 'ETag'],
        credentials: true,
        maxAge: 0,
        privateNetwork: true,
        enforcement: 'report',
      },
    ],
    ['methods of every kind with credentials', { origins, methods: '*', credentials: true }],
    ['options that are left open', { origins, methods: undefined, maxAge: undefined, credentials: undefined }],
  ])('may be %s', (_, options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['no origins', {}, 'cors.origins'],
    ['an empty list', { origins: [] }, 'cors.origins'],
    ['an empty list of known origins', { origins: { resolve: () => true, always: [] } }, 'cors.origins.always'],
    ['one text', { origins: 'https://app.example.com' }, 'cors.origins'],
    ['one expression', { origins: /^https:\/\/a\.test$/ }, 'cors.origins'],
    ['true', { origins: true }, 'cors.origins'],
    ['null', { origins: null }, 'cors.origins'],
    ['a star in the list', { origins: ['*'] }, 'cors.origins[0]'],
    ['the null origin', { origins: [...origins, 'null'] }, 'cors.origins[1]'],
    ['the value null', { origins: [null] }, 'cors.origins[0]'],
    ['every page with credentials', { origins: '*', credentials: true }, 'cors.origins'],
    ['every header with credentials', { origins, headers: '*', credentials: true }, 'cors.headers'],
    ['a star among headers', { origins, headers: ['*'] }, 'cors.headers'],
    ['a star among methods', { origins, methods: ['*'] }, 'cors.methods'],
    ['a star among exposed headers', { origins, exposed: ['*'] }, 'cors.exposed'],
    ['no methods', { origins, methods: [] }, 'cors.methods'],
    ['a method in small letters', { origins, methods: ['patch'] }, 'cors.methods'],
    ['a method that no page may use', { origins, methods: ['TRACE'] }, 'cors.methods'],
    ['a method with a space', { origins, methods: ['GET '] }, 'cors.methods'],
    ['methods in one text', { origins, methods: 'GET,PUT' }, 'cors.methods'],
    ['headers in one text', { origins, headers: 'Authorization' }, 'cors.headers'],
    ['a header with a line break', { origins, headers: ['X-A\r\nSet-Cookie: a=b'] }, 'cors.headers'],
    ['an empty header', { origins, headers: [''] }, 'cors.headers'],
    ['a number as a header', { origins, exposed: [1] }, 'cors.exposed'],
    ['cookies exposed', { origins, exposed: ['Set-Cookie'] }, 'cors.exposed'],
    ['credentials as text', { origins, credentials: 'true' }, 'cors.credentials'],
    ['a negative age', { origins, maxAge: -1 }, 'cors.maxAge'],
    ['a broken age', { origins, maxAge: 1.5 }, 'cors.maxAge'],
    ['an age beyond a day', { origins, maxAge: 86_401 }, 'cors.maxAge'],
    ['an age as text', { origins, maxAge: '600' }, 'cors.maxAge'],
    ['a private network as text', { origins, privateNetwork: 'yes' }, 'cors.privateNetwork'],
    ['another enforcement', { origins, enforcement: 'off' }, 'cors.enforcement'],
    ['a look-up that is no function', { origins: { resolve: true } }, 'cors.origins.resolve'],
    ['a look-up without a function', { origins: { always: origins } }, 'cors.origins.resolve'],
    ['known origins that are no list', { origins: { resolve: () => true, always: '*' } }, 'cors.origins.always'],
    ['a wrong known origin', { origins: { resolve: () => true, always: ['*'] } }, 'cors.origins.always[0]'],
    ['no time to wait', { origins: { resolve: () => true, timeout: 0 } }, 'cors.origins.timeout'],
    ['too long a wait', { origins: { resolve: () => true, timeout: 31 } }, 'cors.origins.timeout'],
    ['no number of seconds', { origins: { resolve: () => true, timeout: Number.NaN } }, 'cors.origins.timeout'],
    ['an empty cache', { origins: { resolve: () => true, cache: { max: 0 } } }, 'cors.origins.cache.max'],
    ['an endless cache', { origins: { resolve: () => true, cache: { ttl: Infinity } } }, 'cors.origins.cache.ttl'],
    ['a cache switched off', { origins: { resolve: () => true, cache: false } }, 'cors.origins.cache'],
    ['a cache that is a list', { origins: { resolve: () => true, cache: [] } }, 'cors.origins.cache'],
    ['a cache that is a number', { origins: { resolve: () => true, cache: 5 } }, 'cors.origins.cache'],
    ['an unknown option', { origins, origin: '*' }, 'cors.origin'],
    ['an unknown option of the look-up', { origins: { resolve: () => true, ttl: 1 } }, 'cors.origins.ttl'],
  ])('may not be %s', (_, options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it.each([true, '*', [], null, 1, undefined])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where: 'cors' })]);
  });

  it.each([
    ['https://App.Example.com', 'https://app.example.com'],
    ['https://app.example.com/', 'https://app.example.com'],
    ['https://app.example.com/path?a=b#c', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['http://app.example.com:80', 'http://app.example.com'],
    ['https://app.example.com.', 'https://app.example.com'],
    ['HTTPS://app.example.com', 'https://app.example.com'],
    [' https://app.example.com', 'https://app.example.com'],
    ['https://exämple.com', 'https://xn--exmple-cua.com'],
    ['http://[0:0:0:0:0:0:0:1]:3000', 'http://[::1]:3000'],
    ['http://127.1', 'http://127.0.0.1'],
    ['app.example.com', 'https://app.example.com'],
    ['localhost:3000', 'http://localhost:3000'],
    ['capacitor://localhost/', 'capacitor://localhost'],
    ['wss://app.example.com', 'https://app.example.com'],
  ])('name the right spelling of %j', (origin, spelling) => {
    expect(problemsOf({ origins: [origin] })).toEqual([
      expect.objectContaining({ where: 'cors.origins[0]', fix: `Write '${spelling}'` }),
    ]);
  });

  it.each([
    '',
    ' ',
    'https://',
    'https://a.test,https://b.test',
    'https://a.test https://b.test',
    'file:///home',
    'https://.example.com',
    'https://a..example.com',
    'https://a.test:99999',
    '//a.test',
    'about:blank',
    'data:text/html,x',
    `https://${'a'.repeat(64)}.test`,
    `https://${'a.'.repeat(200)}test`,
  ])('refuse %j, which stands for no origin', (origin) => {
    expect(problemsOf({ origins: [origin] })).toHaveLength(1);
  });

  it.each([
    'https://*',
    'https://*.com',
    'https://*.*.example.com',
    'https://app.*.example.com',
    'https://app*.example.com',
    'https://*example.com',
    'https://*.example.*',
    'https://*.example.com/',
    'https://*.Example.com',
    'https://*.example.com:443',
    'https://*.example.com:*',
    'https://*.example.com.',
    'https://*..example.com',
    '*://app.example.com',
    '*.example.com',
    '**.example.com',
    'https://*.0.0.1',
    'https://*.127.0.0.1',
    'https://*.[::1]',
    'capacitor://*.example.com',
  ])('refuse the pattern %s', (pattern) => {
    expect(problemsOf({ origins: [pattern] })).toEqual([expect.objectContaining({ where: 'cors.origins[0]' })]);
  });

  it('repeat no password that was written into an origin', () => {
    const [problem] = problemsOf({ origins: ['https://user:hunter2@app.example.com/?key=hunter2'] });
    expect(problem?.fix).toBe("Write 'https://app.example.com'");
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it('name ten wrong origins of a list and count the rest', () => {
    const problems = problemsOf({ origins: Array.from({ length: 5000 }, () => 'null') });
    expect(problems).toHaveLength(11);
    expect(problems.at(-1)?.problem).toContain('4990');
  });

  it('allow a hundred expressions and not more', () => {
    const expressions = (count: number) => Array.from({ length: count }, () => /^https:\/\/a\.test$/);
    expect(problemsOf({ origins: expressions(100) })).toEqual([]);
    expect(problemsOf({ origins: expressions(101) })).toHaveLength(1);
  });

  it('never make the check throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.string(), (one, other, text) => {
        problemsOf({ origins: one, methods: other, headers: other });
        expect(problemsOf({ origins: [one, text] }).every(({ where, fix }) => where !== '' && fix !== '')).toBe(true);
      }),
    );
  });
});
