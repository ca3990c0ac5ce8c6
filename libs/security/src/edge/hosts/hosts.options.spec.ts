import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkHostsOptions, hostRule } from './hosts.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkHostsOptions(options, 'hosts', problems);
  return problems;
}

describe('the options of the hosts', () => {
  it.each<unknown>([
    ['example.com'],
    ['*.example.com', 'example.com:8443', 'LOCALHOST', '192.0.2.1', '[2001:db8::1]', '[::1]:8080'],
    ['bücher.example', '*.bücher.example:8443', 'testserver', '*.testserver', 'example.com.'],
    { allowed: ['example.com'] },
    { allowed: ['example.com'], enforcement: 'report' },
    { allowed: ['example.com'], enforcement: undefined },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[unknown, string]>([
    ['*', 'every host'],
    ['*:8080', 'every host'],
    ['*example.com', 'wildcard'],
    ['foo*', 'wildcard'],
    ['a.*.com', 'wildcard'],
    ['*.*.com', 'wildcard'],
    ['**.com', 'wildcard'],
    ['*.192.0.2.1', 'wildcard'],
    ['*.[::1]', 'wildcard'],
    ['.example.com', 'begins with a dot'],
    ['*.com', 'top-level domain'],
    ['*.de', 'top-level domain'],
    ['::1', 'without brackets'],
    ['2001:db8::1', 'without brackets'],
    ['https://example.com', 'URL'],
    ['example.com/', 'URL'],
    ['user@example.com', 'URL'],
    ['example.com?x', 'URL'],
    ['example.com\\x', 'URL'],
    ['example.com:0', 'is no host'],
    ['example.com:65536', 'is no host'],
    ['example.com:', 'is no host'],
    ['example.com:*', 'wildcard'],
    ['127.1', 'is no host'],
    ['*.', 'is no host'],
    ['', 'is no host'],
    ['example..com', 'is no host'],
    [' example.com', 'is no host'],
    ['example.com,example.org', 'is no host'],
    ['bü cher.example', 'is no host'],
    [7, 'is no text'],
    [null, 'is no text'],
    [['example.com'], 'is no text'],
    [/example/, 'is no text'],
  ])('with %p in the list are refused, and say where', (entry, problem) => {
    const wrong = [expect.objectContaining({ problem: expect.stringContaining(problem) })];
    expect(problemsOf(['example.com', entry])).toEqual(wrong);
    expect(problemsOf(['example.com', entry])[0]?.where).toBe('hosts[1]');
    expect(problemsOf({ allowed: [entry] })).toEqual(wrong);
    expect(problemsOf({ allowed: [entry] })[0]?.where).toBe('hosts.allowed[0]');
  });

  it('tell of the brackets that IPv6 needs', () => {
    expect(problemsOf(['::1'])[0]?.fix).toContain('[2001:db8::1]');
  });

  it.each<[unknown, string]>([
    [[], 'hosts'],
    [{ allowed: [] }, 'hosts.allowed'],
    [{}, 'hosts.allowed'],
    [{ allowed: 'example.com' }, 'hosts.allowed'],
    [{ allowed: ['a'], enforcement: 'warn' }, 'hosts.enforcement'],
    [{ allowed: ['a'], enforcement: true }, 'hosts.enforcement'],
  ])('are refused: %j', (options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it('name the nearest option for one that is not known', () => {
    expect(problemsOf({ alowed: ['a'], allowed: ['a'] })).toEqual([
      { where: 'hosts.alowed', problem: 'is not an option', fix: 'Did you mean "allowed"?' },
    ]);
  });

  it.each([true, 1, 'example.com', null])('must be a list or an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });

  it('mean internationalized names as they are sent', () => {
    expect(hostRule('*.Bücher.example:8443')).toEqual({
      host: { name: 'xn--bcher-kva.example', port: 8443, kind: 'name' },
      isWildcard: true,
    });
  });
});
