import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkHeadersOptions, checkRouteCsp, type HeadersOptions } from './headers.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkHeadersOptions(options, 'headers', problems);
  return problems;
}

function problemsOfRoute(value: unknown, root?: HeadersOptions): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkRouteCsp(value, 'Pages.page @ContentSecurityPolicy', problems, root);
  return problems;
}

describe('the options of headers', () => {
  it.each<HeadersOptions>([
    {},
    { contentSecurityPolicy: undefined, frameOptions: undefined, reporting: undefined },
    { contentSecurityPolicy: {}, contentSecurityPolicyReportOnly: {}, permissionsPolicy: {} },
    { contentSecurityPolicyReportOnly: false, reporting: false, crossOriginEmbedderPolicy: false },
    { crossOriginEmbedderPolicy: 'require-corp', crossOriginOpenerPolicy: 'unsafe-none' },
    { crossOriginResourcePolicy: 'cross-origin', originAgentCluster: true, contentTypeOptions: true },
    { referrerPolicy: 'same-origin', frameOptions: 'DENY', dnsPrefetchControl: 'on' },
    { referrerPolicy: ['no-referrer', 'strict-origin-when-cross-origin'], cacheControl: 'always' },
    { reporting: { path: '/csp', maxBytes: 1024, perMinute: { address: 1, total: 1 } } },
    { frameOptions: 'DENY', contentSecurityPolicy: { directives: { frameAncestors: ["'none'"] } } },
    { frameOptions: 'SAMEORIGIN', contentSecurityPolicy: { directives: { frameAncestors: ['https://a.example'] } } },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[object, string]>([
    [{ crossOriginEmbedderPolicy: true }, 'headers.crossOriginEmbedderPolicy'],
    [{ crossOriginOpenerPolicy: 'same-site' }, 'headers.crossOriginOpenerPolicy'],
    [{ crossOriginResourcePolicy: '*' }, 'headers.crossOriginResourcePolicy'],
    [{ crossOriginResourcePolicy: ['same-origin'] }, 'headers.crossOriginResourcePolicy'],
    [{ crossOriginResourcePolicy: 'same-origin\r\nX: y' }, 'headers.crossOriginResourcePolicy'],
    [{ originAgentCluster: '?1' }, 'headers.originAgentCluster'],
    [{ contentTypeOptions: 'nosniff' }, 'headers.contentTypeOptions'],
    [{ contentTypeOptions: null }, 'headers.contentTypeOptions'],
    [{ dnsPrefetchControl: true }, 'headers.dnsPrefetchControl'],
    [{ downloadOptions: 1 }, 'headers.downloadOptions'],
    [{ frameOptions: 'deny' }, 'headers.frameOptions'],
    [{ frameOptions: 'ALLOW-FROM https://a.example' }, 'headers.frameOptions'],
    [{ permittedCrossDomainPolicies: '' }, 'headers.permittedCrossDomainPolicies'],
    [{ xssProtection: '1; mode=block' }, 'headers.xssProtection'],
    [{ cacheControl: true }, 'headers.cacheControl'],
    [{ cacheControl: 'no-store' }, 'headers.cacheControl'],
    [{ referrerPolicy: 'unsafe-url' }, 'headers.referrerPolicy'],
    [{ referrerPolicy: '' }, 'headers.referrerPolicy'],
    [{ referrerPolicy: [] }, 'headers.referrerPolicy'],
    [{ referrerPolicy: ['origin', 'origin'] }, 'headers.referrerPolicy'],
    [{ referrerPolicy: ['origin', 'unsafe-url'] }, 'headers.referrerPolicy'],
    [{ referrerPolicy: 'origin\n' }, 'headers.referrerPolicy'],
    [{ contentSecurityPolicy: true }, 'headers.contentSecurityPolicy'],
    [{ contentSecurityPolicy: "default-src 'self'" }, 'headers.contentSecurityPolicy'],
    [{ contentSecurityPolicy: { reportOnly: 'yes' } }, 'headers.contentSecurityPolicy.reportOnly'],
    [{ contentSecurityPolicy: { useDefaults: 0 } }, 'headers.contentSecurityPolicy.useDefaults'],
    [{ contentSecurityPolicyReportOnly: { reportOnly: true } }, 'headers.contentSecurityPolicyReportOnly.reportOnly'],
    [{ contentSecurityPolicyReportOnly: 1 }, 'headers.contentSecurityPolicyReportOnly'],
    [{ permissionsPolicy: true }, 'headers.permissionsPolicy'],
    [{ permissionsPolicy: { camera: 'self' } }, 'headers.permissionsPolicy.camera'],
    [{ reporting: true }, 'headers.reporting'],
    [{ reporting: {} }, 'headers.reporting.path'],
    [{ reporting: { path: '/csp', maxBytes: 1023 } }, 'headers.reporting.maxBytes'],
    [{ reporting: { path: '/csp', maxBytes: Number.POSITIVE_INFINITY } }, 'headers.reporting.maxBytes'],
    [{ reporting: { path: '/csp', maxBytes: '64kb' } }, 'headers.reporting.maxBytes'],
    [{ reporting: { path: '/csp', perMinute: false } }, 'headers.reporting.perMinute'],
    [{ reporting: { path: '/csp', perMinute: 5 } }, 'headers.reporting.perMinute'],
    [{ reporting: { path: '/csp', perMinute: { address: 0 } } }, 'headers.reporting.perMinute.address'],
    [{ reporting: { path: '/csp', perMinute: { total: Number.NaN } } }, 'headers.reporting.perMinute.total'],
    [{ reporting: { path: '/csp', perMinute: { address: 601 } } }, 'headers.reporting.perMinute.address'],
    [{ reporting: { path: '/csp', perMinute: { address: 3, total: 2 } } }, 'headers.reporting.perMinute.address'],
  ])('are refused by name: %j', (options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it.each([
    7,
    '',
    '/',
    'csp',
    '//evil.example/csp',
    'https://a.example/csp',
    '/csp/',
    '/a//b',
    '/a/../b',
    '/./csp',
    '/csp?x',
    '/csp#x',
    '/csp;report-to x',
    '/csp, *',
    '/csp"',
    '/c sp',
    '/csp\r\nX: y',
    '/csp\n',
    '/%2e%2e/csp',
    '/é',
    `/${'a'.repeat(200)}`,
  ])('refuse %j as the path of reports', (path) => {
    expect(problemsOf({ reporting: { path } })).toEqual([expect.objectContaining({ where: 'headers.reporting.path' })]);
  });

  it.each([
    ['crossOriginOpenerPolice', 'crossOriginOpenerPolicy'],
    ['frameOption', 'frameOptions'],
    ['permisionsPolicy', 'permissionsPolicy'],
  ])('ask who writes %s whether %s is meant', (given, meant) => {
    expect(problemsOf({ [given]: false })).toEqual([
      { where: `headers.${given}`, problem: 'is not an option', fix: `Did you mean "${meant}"?` },
    ]);
  });

  it.each([true, 1, 'on', [], null])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });

  it('may not frame what X-Frame-Options denies', () => {
    const contentSecurityPolicy = { directives: { frameAncestors: ['https://partner.example'] } };
    expect(problemsOf({ frameOptions: 'DENY', contentSecurityPolicy })).toEqual([
      expect.objectContaining({ where: 'headers.frameOptions' }),
    ]);
    const reportOnly = { ...contentSecurityPolicy, reportOnly: true };
    expect(problemsOf({ frameOptions: 'DENY', contentSecurityPolicy: reportOnly })).toEqual([]);
  });

  it('have one policy that only reports, not two', () => {
    expect(problemsOf({ contentSecurityPolicy: { reportOnly: true }, contentSecurityPolicyReportOnly: {} })).toEqual([
      expect.objectContaining({ where: 'headers.contentSecurityPolicyReportOnly' }),
    ]);
  });

  it.each(['contentSecurityPolicy', 'contentSecurityPolicyReportOnly'])('report %s to one place, not two', (name) => {
    const directives = { reportUri: ['https://reports.example/csp'] };
    expect(problemsOf({ [name]: { directives } })).toEqual([]);
    expect(problemsOf({ reporting: { path: '/csp' }, [name]: { directives } })).toEqual([
      expect.objectContaining({ where: `headers.${name}.directives.reportUri` }),
    ]);
  });
});

describe('the value of @ContentSecurityPolicy', () => {
  it.each<unknown>([false, {}, { directives: { imgSrc: ['*'] } }, { reportOnly: true }])('may be %j', (value) => {
    expect(problemsOfRoute(value)).toEqual([]);
  });

  it.each<unknown>([undefined, null, true, [], 'none', 7])('may not be %j', (value) => {
    expect(problemsOfRoute(value)).toEqual([expect.objectContaining({ where: 'Pages.page @ContentSecurityPolicy' })]);
  });

  it('names the handler where a source is malformed', () => {
    expect(problemsOfRoute({ directives: { imgSrc: ['self'] } })).toEqual([
      expect.objectContaining({ where: 'Pages.page @ContentSecurityPolicy.directives.imgSrc[0]' }),
    ]);
  });

  it("is not blamed for what the application's policy says", () => {
    const root = { contentSecurityPolicy: { directives: { scriptSrc: ["'unsafe-inline'"], fontSrc: ['self'] } } };
    expect(problemsOf(root)).toHaveLength(2);
    expect(problemsOfRoute({ directives: { imgSrc: ['*'] } }, root)).toEqual([]);
  });

  it("may use what the application's policy accepts", () => {
    const root: HeadersOptions = { contentSecurityPolicy: { dangerouslyAllowScripts: ["'unsafe-eval'"] } };
    const value = { directives: { scriptSrc: ["'self'", "'unsafe-eval'"] } };
    expect(problemsOfRoute(value, root)).toEqual([]);
    expect(problemsOfRoute(value)).toHaveLength(1);
    const alone = { useDefaults: false, directives: { defaultSrc: ["'none'"], ...value.directives } };
    expect(problemsOfRoute(alone, root)).toHaveLength(1);
  });

  it('may not take script-src away from a default-src that lets injected scripts run', () => {
    const root: HeadersOptions = {
      contentSecurityPolicy: { directives: { defaultSrc: ['https:', 'data:'], scriptSrc: ["'self'"] } },
    };
    expect(problemsOf(root)).toEqual([]);
    expect(problemsOfRoute({ directives: { scriptSrc: false } }, root).map(({ where }) => where)).toEqual([
      'Pages.page @ContentSecurityPolicy.directives.defaultSrc',
      'Pages.page @ContentSecurityPolicy.directives.defaultSrc',
    ]);
  });
});
