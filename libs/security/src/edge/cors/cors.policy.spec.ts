import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EdgeRequest } from '../edge.request.js';
import type { CorsOptions } from './cors.options.js';
import {
  compileCors,
  preflightOf,
  type CorsPolicy,
  type CorsPreflightAnswer,
  type HeaderField,
} from './cors.policy.js';
import type { ResolverFailure } from './origin-resolver.js';
import { mergeVary } from './vary.js';

const ORIGIN = 'https://example.org';
const EVIL = 'https://evil.test';
const runtime = { now: () => 0 };

const compile = (options: CorsOptions | false): CorsPolicy => compileCors(options, runtime);
const object = (fields: readonly HeaderField[]): Record<string, string> => Object.fromEntries(fields);

/** What an answer to an ordinary request says, as the edge puts it together. */
function answered(policy: CorsPolicy, origin?: string): Record<string, string> {
  const fields = object(policy.always);
  if (policy.varies) fields['Vary'] = mergeVary(fields['Vary'], 'Origin');
  if (origin === undefined) return fields;
  return { ...fields, ...object(policy.answer(origin, policy.allows(origin) === true)) };
}

interface Asked {
  readonly origin?: string;
  readonly method?: string;
  readonly headers?: string;
  readonly privateNetwork?: string;
}

function preflight(policy: CorsPolicy, asked: Asked = {}): CorsPreflightAnswer & { said: Record<string, string> } {
  const { origin = ORIGIN, method = 'GET', headers, privateNetwork } = asked;
  const answer = policy.preflight({ origin, method, headers, privateNetwork }, policy.allows(origin) === true);
  return { ...answer, said: object(answer.fields) };
}

const VARY = {
  Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network',
};

/** A refused preflight says nothing that a browser could take for leave. */
function expectRefused(answer: CorsPreflightAnswer, reason: string): void {
  expect(answer).toMatchObject({ decision: { allowed: false, reason }, status: 403 });
  expect(object(answer.fields)).toEqual(VARY);
}

const everybody: CorsOptions = { origins: '*', methods: '*', headers: '*', exposed: ['X-Status'] };
const listed: CorsOptions = { origins: [ORIGIN], headers: ['X-Example', 'Content-Type'] };
const expression: CorsOptions = { ...listed, origins: [/^https:\/\/.*$/], credentials: true };
const onlyGet: CorsOptions = { origins: [ORIGIN], methods: ['GET'], headers: ['X-Example'] };

describe('The answer to an ordinary request', () => {
  it('says nothing to a request without Origin (cors-04) but that it varies (cors-05)', () => {
    const policy = compile({ origins: [ORIGIN], credentials: true, exposed: ['X-Status'] });
    expect(answered(policy)).toEqual({ Vary: 'Origin' });
  });

  it('names the origin, the credentials and what may be read, where they are listed', () => {
    const policy = compile({ origins: [ORIGIN], credentials: true, exposed: ['X-Status', 'x-status', 'ETag'] });
    expect(answered(policy, ORIGIN)).toEqual({
      'Access-Control-Allow-Origin': ORIGIN,
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Expose-Headers': 'X-Status, ETag',
      Vary: 'Origin',
    });
  });

  it('is the same for everybody where everybody may call, and varies not (cors-07)', () => {
    const policy = compile(everybody);
    const same = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'X-Status' };
    expect(policy.varies).toBe(false);
    for (const origin of [undefined, ORIGIN, EVIL, 'null', 'garbage']) expect(answered(policy, origin)).toEqual(same);
  });

  it('names an origin that an expression matches (cors-17, cors-18)', () => {
    expect(answered(compile(expression), ORIGIN)).toEqual({
      'Access-Control-Allow-Origin': ORIGIN,
      'Access-Control-Allow-Credentials': 'true',
      Vary: 'Origin',
    });
  });

  it('names none of another scheme (cors-19)', () => {
    expect(answered(compile(expression), 'http://example.org')).toEqual({ Vary: 'Origin' });
  });

  it('names none that merely holds what an expression matches (cors-23)', () => {
    const policy = compile({ ...listed, origins: [/^https:\/\/.*\.example\.org$/] });
    expect(answered(policy, 'https://subdomain.example.org')).toHaveProperty('Access-Control-Allow-Origin');
    expect(answered(policy, 'https://subdomain.example.org.hacker.com')).toEqual({ Vary: 'Origin' });
  });

  it('adds to the Vary of the handler (cors-27)', () => {
    const policy = compile({ origins: [ORIGIN] });
    expect(policy.varies).toBe(true);
    expect(mergeVary('Accept-Encoding', 'Origin')).toBe('Accept-Encoding, Origin');
  });

  it('depends on no request before (cors-28), and varies for a refused origin as well (cors-29)', () => {
    const policy = compile({ origins: [ORIGIN] });
    const allowed = { 'Access-Control-Allow-Origin': ORIGIN, Vary: 'Origin' };
    expect([ORIGIN, 'https://other.org', ORIGIN].map((origin) => answered(policy, origin))).toEqual([
      allowed,
      { Vary: 'Origin' },
      allowed,
    ]);
  });

  it('says nothing of private networks (cors-32)', () => {
    expect(answered(compile({ origins: '*', privateNetwork: true }), ORIGIN)).toEqual({
      'Access-Control-Allow-Origin': '*',
    });
  });

  it.each([
    ['null (cors-37)', 'null'],
    ['other letters (cors-38)', 'https://EXAMPLE.org'],
    ['a suffix', 'https://example.org.evil.test'],
    ['a prefix', 'https://evil-example.org'],
    ['a user name', 'https://example.org@evil.test'],
    ['a dot at the end', 'https://example.org.'],
    ['a port', 'https://example.org:8443'],
    ['two origins', `${ORIGIN}, ${ORIGIN}`],
    ['nothing', ''],
  ])('names no origin with %s', (_, origin) => {
    expect(answered(compile({ origins: [ORIGIN], credentials: true }), origin)).toEqual({ Vary: 'Origin' });
  });

  it('says nothing at all where there is no CORS', () => {
    const policy = compile(false);
    expect(policy.enabled).toBe(false);
    expect(answered(policy)).toEqual({});
    expect(answered(policy, ORIGIN)).toEqual({});
  });
});

describe('The answer to a preflight', () => {
  it('mirrors the headers that are asked for where any may be sent (cors-06)', () => {
    const { decision, status, said } = preflight(compile(everybody), { headers: 'X-Example' });
    expect(decision).toEqual({ allowed: true });
    expect(status).toBe(204);
    expect(said).toMatchObject({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'X-Example' });
    expect(said).not.toHaveProperty('Access-Control-Allow-Credentials');
  });

  it('lists the headers that are safe anyway, and what is allowed (cors-09)', () => {
    const { status, said } = preflight(compile(listed), { headers: 'X-Example, Content-Type' });
    expect(status).toBe(204);
    expect(said).toEqual({
      ...VARY,
      'Access-Control-Allow-Origin': ORIGIN,
      'Access-Control-Allow-Methods': 'GET, HEAD, POST',
      'Access-Control-Allow-Headers': 'Accept, Accept-Language, Content-Language, Content-Type, X-Example',
      'Access-Control-Max-Age': '600',
    });
  });

  it('allows credentials to an origin that may have them', () => {
    const { said } = preflight(compile({ ...listed, credentials: true }));
    expect(said).toMatchObject({ 'Access-Control-Allow-Origin': ORIGIN, 'Access-Control-Allow-Credentials': 'true' });
  });

  it('refuses an origin, whatever else it asks (cors-12, cors-21)', () => {
    expectRefused(
      preflight(compile(onlyGet), { origin: 'https://another.org', method: 'POST', headers: 'X-Nope' }),
      'cors_origin_refused',
    );
    expectRefused(
      preflight(compile(expression), { origin: 'http://another.com', headers: 'X-Example' }),
      'cors_origin_refused',
    );
  });

  it('refuses headers once, however many are wrong (cors-13)', () => {
    expectRefused(preflight(compile(onlyGet), { headers: 'X-Nope-1, X-Nope-2' }), 'cors_header_refused');
  });

  it.each(['POST', 'get', 'GET ', 'GET, GET', 'GET,POST', ' GET', '', '*', 'G\u0000T', 'ＧＥＴ'])(
    'refuses the method %j where GET is allowed',
    (method) => {
      expectRefused(preflight(compile(onlyGet), { method }), 'cors_method_refused');
    },
  );

  it.each(['DELETE', 'GET', 'QUERY'])(
    'names %s where all methods are allowed (cors-15a, cors-15b, cors-16)',
    (method) => {
      const { status, said } = preflight(compile({ origins: '*', methods: '*' }), { method });
      expect(status).toBe(204);
      expect(said['Access-Control-Allow-Methods']?.split(', ')).toContain(method);
    },
  );

  it('refuses what no page may use though all methods are allowed', () => {
    expectRefused(preflight(compile({ origins: '*', methods: '*' }), { method: 'TRACE' }), 'cors_method_refused');
  });

  it('opens a private network where asked to (cors-30), and says nothing of it where not (cors-31)', () => {
    const policy = compile({ origins: '*', methods: '*', privateNetwork: true });
    const { said } = preflight(policy, { privateNetwork: 'true' });
    expect(said).toHaveProperty('Access-Control-Allow-Private-Network', 'true');
    expect(preflight(policy).said).not.toHaveProperty('Access-Control-Allow-Private-Network');
  });

  it('refuses a private network where it is closed (cors-33)', () => {
    const policy = compile({ origins: '*', methods: '*' });
    expectRefused(preflight(policy, { privateNetwork: 'true' }), 'cors_private_network_refused');
  });

  it.each(['', 'false', 'True', 'true, true', '1'])('refuses "%s" as a question for a private network', (value) => {
    const policy = compile({ origins: '*', privateNetwork: true });
    expectRefused(preflight(policy, { privateNetwork: value }), 'cors_private_network_refused');
  });

  it('may be kept for ten minutes (cors-34), or for what the options say', () => {
    expect(preflight(compile({ origins: [ORIGIN] })).said).toHaveProperty('Access-Control-Max-Age', '600');
    expect(preflight(compile({ origins: [ORIGIN], maxAge: 0 })).said).toHaveProperty('Access-Control-Max-Age', '0');
  });

  it.each(['x-example', 'X-EXAMPLE', 'content-type,x-example', 'accept ,\tX-Example', '', undefined])(
    'allows the headers %j',
    (headers) => {
      expect(preflight(compile(listed), headers === undefined ? {} : { headers }).status).toBe(204);
    },
  );

  const tooMany = Array.from({ length: 65 }, () => 'accept').join(',');

  it.each([
    ' ',
    ',',
    'x-example,',
    ',x-example',
    'x-example,,accept',
    'x example',
    'x-example; accept',
    '*',
    'x-example\r\nset-cookie: a=b',
    'x-example\n',
    '\u00a0x-example',
    'x-exämple',
    '"x-example"',
    'x-example:',
    tooMany,
    `accept,${' '.repeat(5000)}accept`,
    'a'.repeat(5000),
  ])('refuses the malformed headers %j', (headers) => {
    expectRefused(preflight(compile(listed), { headers }), 'cors_header_refused');
    // Any name may be sent, what is no name may not.
    if (headers !== '*') expectRefused(preflight(compile(everybody), { headers }), 'cors_header_refused');
  });

  it('reads 64 headers', () => {
    const headers = Array.from({ length: 64 }, (_, index) => `x-${index}`).join(',');
    expect(preflight(compile(everybody), { headers }).said).toHaveProperty('Access-Control-Allow-Headers', headers);
  });

  it('names the safe headers where any may be sent and none is asked for', () => {
    const safe = 'Accept, Accept-Language, Content-Language, Content-Type';
    expect(preflight(compile(everybody)).said).toHaveProperty('Access-Control-Allow-Headers', safe);
    expect(preflight(compile(everybody), { headers: '' }).said).toHaveProperty('Access-Control-Allow-Headers', safe);
  });

  it('refuses everybody where there is no CORS', () => {
    expectRefused(preflight(compile(false)), 'cors_origin_refused');
  });

  it.each(['null', '', 'garbage', `${ORIGIN}, ${ORIGIN}`])('refuses the origin %j', (origin) => {
    expectRefused(preflight(compile({ origins: [ORIGIN, /^.*$/] }), { origin }), 'cors_origin_refused');
  });

  it('never holds anything but header text, whatever is asked', () => {
    const policies = [everybody, listed, expression, { ...listed, enforcement: 'report' } as const].map(compile);
    const asked = fc.record({
      origin: fc.oneof(fc.constant(ORIGIN), fc.string()),
      method: fc.oneof(fc.constantFrom('GET', 'POST'), fc.string()),
      headers: fc.oneof(fc.string(), fc.array(fc.constantFrom('x-a', 'accept', ' ', '\n', 'ä', '\u0000')).map(String)),
      privateNetwork: fc.constantFrom('true', 'x'),
    });
    fc.assert(
      fc.property(fc.constantFrom(...policies), asked, (policy, one) => {
        const { fields, status } = preflight(policy, one);
        expect([204, 403]).toContain(status);
        for (const [, value] of fields) expect(value).toMatch(/^[\x20-\x7e\t]*$/);
        for (const [, value] of policy.answer(one.origin, policy.allows(one.origin) === true)) {
          expect(value).toMatch(/^[\x21-\x7e]+$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('Reporting instead of enforcing', () => {
  const policy = compile({ ...onlyGet, credentials: true, exposed: ['X-Status'], enforcement: 'report' });

  it('lets a refused origin read, without credentials', () => {
    expect(policy.allows(EVIL)).toBe(false);
    expect(answered(policy, EVIL)).toEqual({
      'Access-Control-Allow-Origin': EVIL,
      'Access-Control-Expose-Headers': 'X-Status',
      Vary: 'Origin',
    });
  });

  it('keeps credentials for the origins that are allowed', () => {
    expect(answered(policy, ORIGIN)).toHaveProperty('Access-Control-Allow-Credentials', 'true');
  });

  it.each(['null', '', 'garbage', `${EVIL}, ${EVIL}`, `${EVIL}\r\nX: y`])(
    'gives nothing to the origin %j',
    (origin) => {
      expect(answered(policy, origin)).toEqual({ Vary: 'Origin' });
      const { decision, status, said } = preflight(policy, { origin });
      expect(decision).toMatchObject({ allowed: false, reason: 'cors_origin_refused' });
      expect(status).toBe(204);
      expect(said).toEqual(VARY);
    },
  );

  it.each<[Asked, string]>([
    [{ origin: EVIL, method: 'PUT', headers: 'x-other' }, 'cors_origin_refused'],
    [{ method: 'PUT', headers: 'x-other' }, 'cors_method_refused'],
    [{ method: 'GET', headers: 'x-other' }, 'cors_header_refused'],
  ])('says what would have been refused of %j and lets it through, kept by no browser', (asked, reason) => {
    const { decision, status, said } = preflight(policy, asked);
    expect(decision).toMatchObject({ allowed: false, reason });
    expect(status).toBe(204);
    expect(said).toEqual({
      ...VARY,
      'Access-Control-Allow-Origin': asked.origin ?? ORIGIN,
      ...(asked.origin === undefined && { 'Access-Control-Allow-Credentials': 'true' }),
      'Access-Control-Allow-Methods': asked.method,
      'Access-Control-Allow-Headers': asked.headers,
      'Access-Control-Max-Age': '0',
    });
  });

  it('gives leave to nothing that is malformed', () => {
    expect(preflight(policy, { method: 'P\nUT' }).said).toEqual(VARY);
    expect(preflight(policy, { method: 'P'.repeat(65) }).said).toEqual(VARY);
    expect(preflight(policy, { headers: 'x,,y' }).said).toEqual(VARY);
  });

  it('opens no private network', () => {
    const { decision, status, said } = preflight(policy, { privateNetwork: 'true' });
    expect(decision).toMatchObject({ reason: 'cors_private_network_refused' });
    expect(status).toBe(204);
    expect(said).not.toHaveProperty('Access-Control-Allow-Private-Network');
  });

  it('holds for all routes that do not say otherwise', () => {
    const report = { ...runtime, enforcement: 'report' } as const;
    expect(compileCors(onlyGet, report).enforcement).toBe('report');
    expect(compileCors({ ...onlyGet, enforcement: 'enforce' }, report).enforcement).toBe('enforce');
    expect(compileCors(onlyGet, runtime).enforcement).toBe('enforce');
  });
});

describe('Origins that a function decides on', () => {
  it('are asked for only where they are origins', () => {
    const asked: string[] = [];
    const policy = compile({ origins: (origin) => asked.push(origin) > 0 });
    for (const origin of ['null', '', 'https://a.test/', 'https://A.test', `${ORIGIN}, ${ORIGIN}`]) {
      expect(policy.allows(origin)).toBe(false);
    }
    expect(asked).toEqual([]);
    expect(policy.allows(ORIGIN)).toBe(true);
    expect(asked).toEqual([ORIGIN]);
  });

  it('are not asked for where they are known', () => {
    const policy = compile({ origins: { resolve: () => false, always: [ORIGIN, 'https://*.tenants.test'] } });
    expect(policy.allows(ORIGIN)).toBe(true);
    expect(policy.allows('https://a.tenants.test')).toBe(true);
    expect(policy.allows(EVIL)).toBe(false);
  });

  it('are allowed by a promise, which varies the answer', async () => {
    const policy = compile({ origins: async (origin) => origin === ORIGIN });
    expect(policy.varies).toBe(true);
    expect(await policy.allows(ORIGIN)).toBe(true);
    expect(await policy.allows(EVIL)).toBe(false);
    expect(policy.allows(ORIGIN)).toBe(true);
  });

  it('are refused when the function fails, which the application is told', () => {
    const failures: ResolverFailure[] = [];
    const resolverFailed = (failure: ResolverFailure): void => {
      failures.push(failure);
    };
    const resolve = (): boolean => {
      throw new Error('x');
    };
    expect(compileCors({ origins: resolve }, { ...runtime, resolverFailed }).allows(ORIGIN)).toBe(false);
    expect(failures).toEqual(['threw']);
    expect(compile({ origins: resolve }).allows(ORIGIN)).toBe(false);
  });

  it('are decided on by a method with its object', () => {
    const origins = {
      own: ORIGIN,
      resolve(this: { own: string }, origin: string) {
        return origin === this.own;
      },
    };
    expect(compile({ origins }).allows(ORIGIN)).toBe(true);
  });
});

describe('A preflight', () => {
  const request = (method: string, headers: EdgeRequest['headers']): EdgeRequest => ({
    method,
    url: '/',
    httpVersionMajor: 1,
    headers,
    rawHeaders: [],
    socket: {},
  });
  const requested = { origin: ORIGIN, 'access-control-request-method': 'PUT' };

  it('is OPTIONS with an origin and a method', () => {
    expect(preflightOf(request('OPTIONS', requested))).toEqual({
      origin: ORIGIN,
      method: 'PUT',
      headers: undefined,
      privateNetwork: undefined,
    });
  });

  it('says which headers it asks for, and whether it comes from a public network', () => {
    const more = { 'access-control-request-headers': 'x-a', 'access-control-request-private-network': 'true' };
    expect(preflightOf(request('OPTIONS', { ...requested, ...more }))).toMatchObject({
      headers: 'x-a',
      privateNetwork: 'true',
    });
  });

  it.each<[string, string, EdgeRequest['headers']]>([
    ['OPTIONS without a method (cors-35)', 'OPTIONS', { origin: ORIGIN }],
    ['OPTIONS without an origin', 'OPTIONS', { 'access-control-request-method': 'PUT' }],
    ['another method', 'GET', requested],
    ['options in small letters', 'options', requested],
  ])('is not %s', (_, method, headers) => {
    expect(preflightOf(request(method, headers))).toBeUndefined();
  });

  it('that repeats a header is refused, where it was not joined', () => {
    const repeated = { ...requested, 'access-control-request-headers': ['x-a', 'x-b'] };
    const found = preflightOf(request('OPTIONS', repeated as unknown as EdgeRequest['headers']));
    expect(found).toMatchObject({ headers: ',' });
    expectRefused(preflight(compile(everybody), { headers: found?.headers ?? '' }), 'cors_header_refused');
  });
});
