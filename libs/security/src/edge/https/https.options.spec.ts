import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkHttpsOptions, type HttpsContext } from './https.options.js';

function problemsOf(options: unknown, context: Partial<HttpsContext> = {}): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkHttpsOptions(options, 'https', problems, { hasHosts: true, profile: 'web', ...context });
  return problems;
}

describe('the options of HTTPS', () => {
  it.each<unknown>([
    {},
    { mode: 'reject' },
    { mode: 'redirect', status: 307, port: 8443, enforcement: 'report', hsts: false },
    { status: 308, port: 1 },
    { hsts: {} },
    { hsts: { maxAge: 0 } },
    { hsts: { maxAge: 63_072_000, includeSubDomains: true, preload: true, exclude: ['legacy.example.com'] } },
    { hsts: { preload: true } },
    { hsts: { preload: false, includeSubDomains: false, maxAge: 50_000, exclude: [] } },
    { mode: undefined, status: undefined, port: undefined, enforcement: undefined, hsts: undefined },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[unknown, string]>([
    [{ mode: 'off' }, 'https.mode'],
    [{ mode: false }, 'https.mode'],
    [{ status: 301 }, 'https.status'],
    [{ status: 302 }, 'https.status'],
    [{ status: 200 }, 'https.status'],
    [{ status: '308' }, 'https.status'],
    [{ port: 0 }, 'https.port'],
    [{ port: 65_536 }, 'https.port'],
    [{ port: 443.5 }, 'https.port'],
    [{ port: '443' }, 'https.port'],
    [{ enforcement: 'warn' }, 'https.enforcement'],
    [{ hsts: true }, 'https.hsts'],
    [{ hsts: 'max-age=1' }, 'https.hsts'],
    [{ hsts: [] }, 'https.hsts'],
    [{ hsts: { maxAge: -1 } }, 'https.hsts.maxAge'],
    [{ hsts: { maxAge: 1.5 } }, 'https.hsts.maxAge'],
    [{ hsts: { maxAge: '31536000' } }, 'https.hsts.maxAge'],
    [{ hsts: { maxAge: Number.POSITIVE_INFINITY } }, 'https.hsts.maxAge'],
    [{ hsts: { includeSubDomains: 'yes' } }, 'https.hsts.includeSubDomains'],
    [{ hsts: { includeSubdomains: true } }, 'https.hsts.includeSubdomains'],
    [{ hsts: { preload: 1 } }, 'https.hsts.preload'],
    [{ hsts: { preload: true, includeSubDomains: false } }, 'https.hsts.preload'],
    [{ hsts: { preload: true, maxAge: 31_535_999 } }, 'https.hsts.preload'],
    // hsts-04, answered differently by decision: the preload list would refuse it.
    [{ hsts: { maxAge: 50_000, includeSubDomains: false, preload: true } }, 'https.hsts.preload'],
    [{ hsts: { exclude: 'example.com' } }, 'https.hsts.exclude'],
    [{ hsts: { exclude: ['*.example.com'] } }, 'https.hsts.exclude[0]'],
    [{ hsts: { exclude: ['example.com', 'example.com:8443'] } }, 'https.hsts.exclude[1]'],
    [{ hsts: { exclude: ['localhost'] } }, 'https.hsts.exclude[0]'],
    [{ hsts: { exclude: [7] } }, 'https.hsts.exclude[0]'],
  ])('are refused by name: %j', (options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it.each<[object, Partial<HttpsContext>]>([
    [{ mode: 'redirect' }, { profile: 'web' }],
    [{ mode: 'redirect' }, { profile: 'api' }],
    [{}, { profile: 'web' }],
  ])('redirect to nowhere but listed hosts: %j %j', (options, context) => {
    expect(problemsOf(options, { ...context, hasHosts: false })).toEqual([
      expect.objectContaining({ where: 'https.mode', problem: expect.stringContaining('open redirect') }),
    ]);
  });

  it('reject without a list of hosts, and in the profile of an API by themselves', () => {
    expect(problemsOf({ mode: 'reject' }, { hasHosts: false })).toEqual([]);
    expect(problemsOf({}, { hasHosts: false, profile: 'api' })).toEqual([]);
  });

  it.each([
    [{ status: 308 }, 'https.status'],
    [{ port: 8443 }, 'https.port'],
  ])('say nothing of a redirect that there is not: %j', (options, where) => {
    const wrong = [expect.objectContaining({ where, problem: expect.stringContaining('no effect') })];
    expect(problemsOf({ ...options, mode: 'reject' })).toEqual(wrong);
    expect(problemsOf(options, { profile: 'api' })).toEqual(wrong);
  });

  it('name the nearest option for one that is not known', () => {
    expect(problemsOf({ stats: 308 })).toEqual([
      { where: 'https.stats', problem: 'is not an option', fix: 'Did you mean "status"?' },
    ]);
  });

  it.each([true, 1, 'redirect', null, []])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });
});
