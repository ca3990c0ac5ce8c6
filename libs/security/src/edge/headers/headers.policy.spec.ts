import { describe, expect, it } from '@jest/globals';
import helmet, { type HelmetOptions } from 'helmet';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Profile } from '../../core/profile.js';
import type { CompiledCsp } from './content-security-policy.js';
import { checkHeadersOptions, checkRouteCsp, type HeadersOptions } from './headers.options.js';
import { type CompiledHeaders, compileHeaders, compileRouteCsp } from './headers.policy.js';

const HSTS = 'strict-transport-security';

/** With helmet's own `no-referrer` browsers say `Origin: null` for a page's own forms, which CSRF has to refuse. */
const REFERRER: HelmetOptions = { referrerPolicy: { policy: 'same-origin' } };

/** The headers that helmet sets. */
function byHelmet(options: HelmetOptions = {}): Record<string, unknown> {
  const response = new ServerResponse({ method: 'GET' } as IncomingMessage);
  let passed = false;
  helmet({ ...REFERRER, ...options } as HelmetOptions)({} as IncomingMessage, response, (error) => {
    if (error !== undefined) throw error;
    passed = true;
  });
  expect(passed).toBe(true);
  return { ...response.getHeaders() };
}

function compiled(options: HeadersOptions | undefined, profile: Profile): CompiledHeaders {
  expectSound(options ?? {});
  return compileHeaders(options, profile);
}

function expectSound(options: HeadersOptions): void {
  const problems: never[] = [];
  checkHeadersOptions(options, 'headers', problems);
  expect(problems).toEqual([]);
}

function constants(options: HeadersOptions | undefined, profile: Profile): Record<string, string> {
  return Object.fromEntries(compiled(options, profile).constants);
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function ofRoute(value: unknown, root: HeadersOptions | undefined, profile: Profile): CompiledCsp | 'off' {
  const problems: never[] = [];
  checkRouteCsp(value, 'Pages.page', problems, root);
  expect(problems).toEqual([]);
  return compileRouteCsp(value as HeadersOptions['contentSecurityPolicy'] & object, root, profile);
}

describe('the headers of the profile web', () => {
  it("are helmet's, value for value, with Permissions-Policy and without what depends on TLS", () => {
    const { [HSTS]: _, ...helmets } = byHelmet();
    const { 'permissions-policy': permissions, ...own } = lowerCased(constants(undefined, 'web'));
    expect(own).toEqual(helmets);
    expect(permissions).toContain('camera=()');
  });

  it.each<[string, HeadersOptions, HelmetOptions]>([
    [
      'nothing that was switched off',
      { frameOptions: false, xssProtection: false },
      { frameguard: false, xssFilter: false },
    ],
    ['no policy', { contentSecurityPolicy: false }, { contentSecurityPolicy: false }],
    [
      'a policy with other sources',
      { contentSecurityPolicy: { directives: { scriptSrc: ["'self'", 'cdn.example.com'], 'img-src': ['*'] } } },
      { contentSecurityPolicy: { directives: { scriptSrc: ["'self'", 'cdn.example.com'], 'img-src': ['*'] } } },
    ],
    [
      'a policy from nothing',
      { contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], connectSrc: ["'self'"] } } },
      { contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], connectSrc: ["'self'"] } } },
    ],
    [
      'a policy without one of the defaults',
      { contentSecurityPolicy: { directives: { upgradeInsecureRequests: false, scriptSrcAttr: false } } },
      { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null, scriptSrcAttr: null } } },
    ],
    [
      'other policies of origins',
      {
        crossOriginEmbedderPolicy: 'credentialless',
        crossOriginOpenerPolicy: 'same-origin-allow-popups',
        crossOriginResourcePolicy: 'same-site',
      },
      {
        crossOriginEmbedderPolicy: { policy: 'credentialless' },
        crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' },
        crossOriginResourcePolicy: { policy: 'same-site' },
      },
    ],
    [
      'other values',
      {
        referrerPolicy: ['no-referrer', 'strict-origin-when-cross-origin'],
        dnsPrefetchControl: 'on',
        permittedCrossDomainPolicies: 'master-only',
      },
      {
        referrerPolicy: { policy: ['no-referrer', 'strict-origin-when-cross-origin'] },
        dnsPrefetchControl: { allow: true },
        permittedCrossDomainPolicies: { permittedPolicies: 'master-only' },
      },
    ],
  ])("are helmet's with %s", (_, options, helmets) => {
    const { [HSTS]: _hsts, ...expected } = byHelmet(helmets);
    const { 'permissions-policy': _permissions, ...own } = lowerCased(constants(options, 'web'));
    expect(own).toEqual(expected);
  });

  it.each([
    [
      'hdr-01',
      'Content-Security-Policy',
      "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    ],
    ['hdr-03', 'Cross-Origin-Resource-Policy', 'same-origin'],
    ['hdr-04', 'Origin-Agent-Cluster', '?1'],
    ['hdr-05 (decided)', 'Referrer-Policy', 'same-origin'],
    ['hdr-06', 'X-Content-Type-Options', 'nosniff'],
    ['hdr-08', 'X-Download-Options', 'noopen'],
    ['hdr-09', 'X-Frame-Options', 'SAMEORIGIN'],
    ['hdr-10', 'X-Permitted-Cross-Domain-Policies', 'none'],
  ])('answer %s: %s', (_, name, value) => {
    expect(constants(undefined, 'web')[name]).toBe(value);
  });

  it('hold no Cross-Origin-Embedder-Policy and nothing that tells of the server (hdr-12, hdr-18)', () => {
    const names = Object.keys(lowerCased(constants(undefined, 'web')));
    expect(names).not.toEqual(expect.arrayContaining(['cross-origin-embedder-policy']));
    expect(names.filter((name) => /^(?:server|x-powered-by|x-aspnet-version)$/.test(name))).toEqual([]);
  });

  it('leave Cache-Control to what is known of the caller', () => {
    const { cacheControl } = compiled(undefined, 'web');
    expect(cacheControl).toBe('authenticated');
    expect(constants(undefined, 'web')).not.toHaveProperty('Cache-Control');
  });
});

describe('the headers of the profile api', () => {
  it('let nothing be loaded, framed, sniffed or kept (hdr-13)', () => {
    expect(constants(undefined, 'api')).toMatchObject({
      'Content-Security-Policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      'X-Frame-Options': 'DENY',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': 'no-store',
      'Permissions-Policy': expect.stringContaining('geolocation=()'),
    });
    expect(compiled(undefined, 'api').cacheControl).toBe('always');
  });

  it('have the names of the profile web besides', () => {
    const { 'Cache-Control': _, ...api } = constants(undefined, 'api');
    expect(Object.keys(api)).toEqual(Object.keys(constants(undefined, 'web')));
  });
});

describe.each<Profile>(['web', 'api'])('the headers of any profile (%s)', (profile) => {
  it.each<[keyof HeadersOptions, string]>([
    ['contentSecurityPolicy', 'Content-Security-Policy'],
    ['permissionsPolicy', 'Permissions-Policy'],
    ['crossOriginOpenerPolicy', 'Cross-Origin-Opener-Policy'],
    ['crossOriginResourcePolicy', 'Cross-Origin-Resource-Policy'],
    ['originAgentCluster', 'Origin-Agent-Cluster'],
    ['referrerPolicy', 'Referrer-Policy'],
    ['contentTypeOptions', 'X-Content-Type-Options'],
    ['dnsPrefetchControl', 'X-DNS-Prefetch-Control'],
    ['downloadOptions', 'X-Download-Options'],
    ['frameOptions', 'X-Frame-Options'],
    ['permittedCrossDomainPolicies', 'X-Permitted-Cross-Domain-Policies'],
    ['xssProtection', 'X-XSS-Protection'],
  ])('lack exactly the one that %s: false switches off', (option, name) => {
    const { [name]: off, ...others } = constants(undefined, profile);
    expect(off).toBeDefined();
    expect(constants({ [option]: false }, profile)).toEqual(others);
  });

  it.each([
    ['always', 'no-store'],
    ['authenticated', undefined],
    [false, undefined],
  ] as const)('say with cacheControl: %j what the pipeline has to do', (cacheControl, value) => {
    const headers = compiled({ cacheControl }, profile);
    expect(headers.cacheControl).toBe(cacheControl);
    expect(constants({ cacheControl }, profile)['Cache-Control']).toBe(value);
  });

  it('have frame-ancestors follow X-Frame-Options', () => {
    const deny = constants({ frameOptions: 'DENY' }, profile);
    expect(deny['Content-Security-Policy']).toContain("frame-ancestors 'none'");
    const same = constants({ frameOptions: 'SAMEORIGIN' }, profile);
    expect(same['Content-Security-Policy']).toContain("frame-ancestors 'self'");
    expect(same['X-Frame-Options']).toBe('SAMEORIGIN');
  });

  it('name each header once, in characters that a header may hold, and are frozen', () => {
    const headers = compiled({ reporting: { path: '/csp' }, crossOriginEmbedderPolicy: 'require-corp' }, profile);
    const names = headers.constants.map(([name]) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    for (const [, value] of headers.constants) expect(value).toMatch(/^[\x20-\x7e]+$/);
    expect(Object.isFrozen(headers)).toBe(true);
    expect(Object.isFrozen(headers.constants)).toBe(true);
  });
});

describe('a policy with a nonce', () => {
  const options: HeadersOptions = {
    contentSecurityPolicy: {
      directives: { scriptSrc: ["'nonce'", "'strict-dynamic'"], styleSrc: ["'self'", "'nonce'"] },
    },
  };

  it('is no constant', () => {
    expect(constants(options, 'web')).not.toHaveProperty('Content-Security-Policy');
    expect(compiled(options, 'web').csp).toMatchObject({ name: 'Content-Security-Policy', needsNonce: true });
  });

  it('has the nonce of the request in every place', () => {
    const value = compiled(options, 'web').csp?.value('r4nd0m');
    expect(value).toContain("script-src 'nonce-r4nd0m' 'strict-dynamic';");
    expect(value).toContain("style-src 'self' 'nonce-r4nd0m';");
    expect(value?.endsWith(';upgrade-insecure-requests')).toBe(true);
  });

  it('differs from request to request in the nonce only', () => {
    const csp = compiled(options, 'web').csp as CompiledCsp;
    expect(csp.value('AAAA')).not.toBe(csp.value('BBBB'));
    expect(csp.value('AAAA').replaceAll('AAAA', 'BBBB')).toBe(csp.value('BBBB'));
  });
});

describe('a policy that only reports', () => {
  it('goes under the other name, without what browsers ignore there', () => {
    const headers = constants({ contentSecurityPolicy: { reportOnly: true, directives: { sandbox: true } } }, 'web');
    expect(headers).not.toHaveProperty('Content-Security-Policy');
    expect(headers['Content-Security-Policy-Report-Only']).toContain("default-src 'self'");
    expect(headers['Content-Security-Policy-Report-Only']).not.toMatch(/sandbox|upgrade-insecure-requests/);
  });

  it('may stand beside the enforced one, each with the nonce or without', () => {
    const both = constants({ contentSecurityPolicyReportOnly: { directives: { styleSrc: ["'self'"] } } }, 'web');
    expect(both['Content-Security-Policy']).toContain("style-src 'self' https: 'unsafe-inline'");
    expect(both['Content-Security-Policy-Report-Only']).toContain(";style-src 'self'");

    const trial = compiled({ contentSecurityPolicyReportOnly: { directives: { styleSrc: ["'nonce'"] } } }, 'web');
    expect(trial.csp).toBeUndefined();
    expect(trial.cspReportOnly?.name).toBe('Content-Security-Policy-Report-Only');
    expect(trial.cspReportOnly?.value('abc')).toContain("style-src 'nonce-abc'");
    expect(Object.fromEntries(trial.constants)).toHaveProperty('Content-Security-Policy');
  });
});

describe('reports', () => {
  const reporting = { path: '/.well-known/csp-reports' };

  it('go nowhere by default', () => {
    expect(constants(undefined, 'web')).not.toHaveProperty('Reporting-Endpoints');
    expect(compiled(undefined, 'web').reporting).toBeUndefined();
    expect(compiled({ reporting: false }, 'web').reporting).toBeUndefined();
  });

  it('go to the path, by either interface, from both policies', () => {
    const headers = constants({ reporting, contentSecurityPolicyReportOnly: {} }, 'web');
    expect(headers['Reporting-Endpoints']).toBe('csp="/.well-known/csp-reports"');
    const end = ';report-uri /.well-known/csp-reports;report-to csp';
    expect(headers['Content-Security-Policy']?.endsWith(end)).toBe(true);
    expect(headers['Content-Security-Policy-Report-Only']?.endsWith(end)).toBe(true);
  });

  it('have limits', () => {
    expect(compiled({ reporting }, 'web').reporting).toEqual({
      path: '/.well-known/csp-reports',
      maxBytes: 65_536,
      addressPerMinute: 60,
      totalPerMinute: 600,
    });
    expect(compiled({ reporting: { ...reporting, maxBytes: 2048, perMinute: { total: 5 } } }, 'web').reporting).toEqual(
      {
        path: '/.well-known/csp-reports',
        maxBytes: 2048,
        addressPerMinute: 5,
        totalPerMinute: 5,
      },
    );
  });

  it('may go to a service elsewhere', () => {
    const directives = { reportUri: ['https://reports.example.com/csp?project=1'] };
    expect(constants({ contentSecurityPolicy: { directives } }, 'api')['Content-Security-Policy']).toBe(
      "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none';report-uri https://reports.example.com/csp?project=1",
    );
  });
});

describe('the policy of a route', () => {
  it('is off with false', () => {
    expect(ofRoute(false, undefined, 'web')).toBe('off');
  });

  it("changes what it names of the profile's policy", () => {
    const csp = ofRoute({ directives: { imgSrc: ['*'] } }, undefined, 'web') as CompiledCsp;
    expect(csp.value('')).toBe(
      constants({ contentSecurityPolicy: { directives: { imgSrc: ['*'] } } }, 'web')['Content-Security-Policy'],
    );
  });

  it("changes what it names of the application's policy", () => {
    const root: HeadersOptions = {
      frameOptions: 'DENY',
      reporting: { path: '/csp' },
      contentSecurityPolicy: { directives: { connectSrc: ["'self'"], fontSrc: false } },
    };
    const csp = ofRoute({ directives: { scriptSrc: ["'nonce'"], connectSrc: false } }, root, 'web') as CompiledCsp;
    expect(csp).toMatchObject({ name: 'Content-Security-Policy', needsNonce: true });
    expect(csp.value('abc')).toBe(
      "default-src 'self';base-uri 'self';form-action 'self';frame-ancestors 'none';img-src 'self' data:;object-src 'none';script-src 'nonce-abc';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests;report-uri /csp;report-to csp",
    );
  });

  it('starts from nothing with useDefaults: false', () => {
    const value = { useDefaults: false, directives: { 'default-src': ["'none'"], sandbox: ['allow-forms'] } };
    expect((ofRoute(value, undefined, 'web') as CompiledCsp).value('')).toBe("default-src 'none';sandbox allow-forms");
  });

  it.each([
    [undefined, undefined, 'Content-Security-Policy'],
    [undefined, true, 'Content-Security-Policy-Report-Only'],
    [false, true, 'Content-Security-Policy'],
    [true, undefined, 'Content-Security-Policy-Report-Only'],
  ])('with reportOnly %j in an application with %j goes under %3$s', (own, root, name) => {
    const csp = ofRoute({ reportOnly: own }, { contentSecurityPolicy: { reportOnly: root } }, 'web');
    expect(csp).toMatchObject({ name });
  });

  it('stands where the application has none', () => {
    const csp = ofRoute({}, { contentSecurityPolicy: false }, 'api') as CompiledCsp;
    expect(csp.value('')).toContain("default-src 'none'");
  });

  it('reports to its own address instead', () => {
    const value = { directives: { reportUri: ['/other'] } };
    const csp = ofRoute(value, { reporting: { path: '/csp' } }, 'api') as CompiledCsp;
    expect(csp.value('')).toMatch(/;report-uri \/other$/);
  });
});
