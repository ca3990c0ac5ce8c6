import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkCsrfOptions } from './csrf.options.js';
import { OTHER_SECRET, SECRET } from './testing/csrf.fixtures.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkCsrfOptions(options, 'csrf', problems);
  return problems;
}

describe('The options of CSRF protection', () => {
  it.each<unknown>([
    {},
    { trustedOrigins: [], apply: 'cookies', enforcement: 'report' },
    { trustedOrigins: ['https://app.example.com', 'http://localhost:5173', 'https://[::1]:8443'], apply: 'always' },
    { trustedOrigins: ['https://xn--exmple-cua.com'], enforcement: 'enforce' },
    { token: { secret: SECRET } },
    { token: { secret: Buffer.from(SECRET) } },
    { token: { secret: new TextEncoder().encode(SECRET) } },
    { token: { secret: [SECRET, Buffer.from(OTHER_SECRET)], header: 'X-XSRF-TOKEN', field: 'authenticity_token' } },
    { token: { secret: SECRET, lifetime: 60, binding: () => 'session' } },
    { token: { secret: SECRET, lifetime: 2_592_000, header: undefined, binding: undefined } },
    { trustedOrigins: undefined, apply: undefined, token: undefined, enforcement: undefined },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<unknown>([
    'null',
    '*',
    'https://*.example.com',
    'https://*',
    '',
    'example.com',
    '//example.com',
    'https://',
    'https://example.com/',
    'https://example.com/path',
    'https://example.com?',
    'https://example.com#',
    'https://example.com:443',
    'http://example.com:80',
    'https://EXAMPLE.com',
    'HTTPS://example.com',
    'https://exämple.com',
    'https://user@example.com',
    'https://example.com ',
    ' https://example.com',
    'https://example.com,https://other.example',
    'https://example.com\n',
    'https://0x7f.1',
    'ftp://example.com',
    'wss://example.com',
    'file:///etc',
    'blob:https://example.com',
    'data:text/html,x',
    7,
    null,
    undefined,
    ['https://example.com'],
    /example/,
  ])('refuse the trusted origin %p', (origin) => {
    expect(problemsOf({ trustedOrigins: ['https://app.example.com', origin] })).toEqual([
      expect.objectContaining({ where: 'csrf.trustedOrigins', problem: expect.stringContaining('number 2') }),
    ]);
  });

  it.each<unknown>(['https://example.com', 7, {}, null, true, new Set(['https://example.com'])])(
    'refuse trusted origins that are no list: %p',
    (trustedOrigins) => {
      expect(problemsOf({ trustedOrigins })).toEqual([expect.objectContaining({ where: 'csrf.trustedOrigins' })]);
    },
  );

  it('say why the opaque origin is nobody to trust', () => {
    expect(problemsOf({ trustedOrigins: ['null'] })[0]?.problem).toContain('sandboxed frame');
  });

  it('say how a browser writes a trusted origin, without the credentials in it', () => {
    const [problem] = problemsOf({ trustedOrigins: ['https://user:hunter2@Example.com:443/path'] });
    expect(problem?.problem).toContain('"https://example.com"');
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it.each<[object, string]>([
    [{ apply: 'never' }, 'csrf.apply'],
    [{ apply: true }, 'csrf.apply'],
    [{ enforcement: 'log' }, 'csrf.enforcement'],
    [{ enforcement: false }, 'csrf.enforcement'],
    [{ token: SECRET }, 'csrf.token'],
    [{ token: true }, 'csrf.token'],
    [{ token: false }, 'csrf.token'],
    [{ token: null }, 'csrf.token'],
    [{ token: [] }, 'csrf.token'],
    [{ token: [{ secret: SECRET }] }, 'csrf.token'],
    [{ token: {} }, 'csrf.token.secret'],
    [{ token: { secret: undefined } }, 'csrf.token.secret'],
    [{ token: { secret: '' } }, 'csrf.token.secret'],
    [{ token: { secret: 'a'.repeat(32) } }, 'csrf.token.secret'],
    [{ token: { secret: [] } }, 'csrf.token.secret'],
    [{ token: { secret: [SECRET, 'short'] } }, 'csrf.token.secret'],
    [{ token: { secret: [SECRET, Buffer.from(SECRET)] } }, 'csrf.token.secret'],
    [{ token: { secret: [[SECRET]] } }, 'csrf.token.secret'],
    [{ token: { secret: Array.from({ length: 9 }, (_, index) => SECRET + index) } }, 'csrf.token.secret'],
    [{ token: { secret: () => SECRET } }, 'csrf.token.secret'],
    [{ token: { secret: SECRET, lifetime: 0 } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, lifetime: 59 } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, lifetime: 2_592_001 } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, lifetime: 60.5 } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, lifetime: '4h' } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, lifetime: Number.NaN } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, lifetime: Number.POSITIVE_INFINITY } }, 'csrf.token.lifetime'],
    [{ token: { secret: SECRET, binding: 'session' } }, 'csrf.token.binding'],
    [{ token: { secret: SECRET, binding: async () => 'session' } }, 'csrf.token.binding'],
    [{ token: { secret: SECRET, field: '' } }, 'csrf.token.field'],
    [{ token: { secret: SECRET, field: 'a.b' } }, 'csrf.token.field'],
    [{ token: { secret: SECRET, field: '__proto__' } }, 'csrf.token.field'],
    [{ token: { secret: SECRET, field: 'constructor' } }, 'csrf.token.field'],
    [{ token: { secret: SECRET, field: 'a'.repeat(65) } }, 'csrf.token.field'],
    [{ token: { secret: SECRET, field: 7 } }, 'csrf.token.field'],
  ])('are refused by name (%#)', (options, where) => {
    expect(problemsOf(options)).toContainEqual(expect.objectContaining({ where }));
  });

  it.each<unknown>([
    '',
    'x csrf',
    'x-csrf:',
    'x-csrf\r\n',
    'constructor',
    '__proto__',
    'Cookie',
    'Authorization',
    'Content-Type',
    'Accept',
    'Accept-Language',
    'Origin',
    'Referer',
    'User-Agent',
    'Sec-CSRF',
    'Proxy-Token',
    'Access-Control-Token',
    'X-Forwarded-Token',
    'X-Requested-With',
    'a'.repeat(65),
    7,
    null,
  ])('refuse %p as the header', (header) => {
    expect(problemsOf({ token: { secret: SECRET, header } })).toEqual([
      expect.objectContaining({ where: 'csrf.token.header' }),
    ]);
  });

  it('never repeat a secret', () => {
    const secret = 'hunter2-hunter2-is-no-good-password';
    for (const options of [{ token: { secret } }, { token: { secret: [secret, secret] } }, { token: secret }]) {
      const problems = problemsOf(options);
      expect(problems).not.toEqual([]);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    }
  });

  it('name the nearest option for one that is not known', () => {
    expect(problemsOf({ trustedOrigin: [] })).toEqual([
      { where: 'csrf.trustedOrigin', problem: 'is not an option', fix: 'Did you mean "trustedOrigins"?' },
    ]);
    expect(problemsOf({ token: { secrets: SECRET } }).map(({ where }) => where)).toEqual([
      'csrf.token.secrets',
      'csrf.token.secret',
    ]);
  });

  it.each([true, 1, 'on', [], null])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });
});
