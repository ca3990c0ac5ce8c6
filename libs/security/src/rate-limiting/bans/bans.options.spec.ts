import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { bansWarnings, checkBansOptions } from './bans.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkBansOptions(options, 'bans', problems);
  return problems;
}

const matches = () => false;

describe('The options of bans', () => {
  it.each<unknown>([
    {},
    { safelist: ['10.0.0.0/8', 'loopback'], blocklist: ['0.0.0.0/0', '::/0'] },
    { safelist: matches, blocklist: matches },
    { rules: [{ name: 'hax', matches }] },
    { rules: [{ name: 'hax', matches, count: 'allow2ban', maxRetry: 1, findTime: 1, banTime: '1 day' }] },
    { denials: { reasons: ['credentials_invalid', 'account_locked'], maxRetry: 3 } },
    { honeypots: ['/wp-login.php', '/.git/*', '/a%20b'] },
    { track: [{ name: 'hax', matches }], rules: [{ name: 'hax', matches }] },
    { duration: '1 day', refresh: '1 minute', onStoreError: 'open', enforcement: 'report' },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[unknown, string, string]>([
    [{ whitelist: [] }, 'bans.whitelist', 'is not an option'],
    [{ safelist: 7 }, 'bans.safelist', 'must be a function'],
    [{ safelist: async () => true }, 'bans.safelist', 'must answer at once'],
    [{ safelist: ['0.0.0.0/0'] }, 'bans.safelist[0]', 'is everybody'],
    [{ safelist: ['10.0.0.1', '::/0'] }, 'bans.safelist[1]', 'is everybody'],
    [{ blocklist: ['10.0.0.1/8'] }, 'bans.blocklist[0]', 'bits set behind its prefix'],
    [{ blocklist: ['example.com'] }, 'bans.blocklist[0]', 'is neither an address'],
    [{ rules: { name: 'hax', matches } }, 'bans.rules', 'must be a list'],
    [{ rules: [{ matches }] }, 'bans.rules[0].name', 'is not a name'],
    [{ rules: [{ name: 'a b', matches }] }, 'bans.rules[0].name', 'is not a name'],
    [{ rules: [{ name: 'hax' }] }, 'bans.rules[0].matches', 'must be a function'],
    [{ rules: [{ name: 'hax', matches: async () => true }] }, 'bans.rules[0].matches', 'must answer at once'],
    [{ rules: [{ name: 'hax', matches, count: 'both' }] }, 'bans.rules[0].count', 'must be one of'],
    [{ rules: [{ name: 'hax', matches, maxRetry: 0 }] }, 'bans.rules[0].maxRetry', 'whole number from 1'],
    [{ rules: [{ name: 'hax', matches, maxretry: 1 }] }, 'bans.rules[0].maxretry', 'is not an option'],
    [{ rules: [{ name: 'hax', matches, findTime: 'soon' }] }, 'bans.rules[0].findTime', 'is no duration'],
    [{ rules: [{ name: 'hax', matches, banTime: 0 }] }, 'bans.rules[0].banTime', 'is no duration'],
    [{ track: [{ name: 'a', matches: 1 }] }, 'bans.track[0].matches', 'must be a function'],
    [{ denials: {} }, 'bans.denials.reasons', 'must be a list'],
    [{ denials: false }, 'bans.denials', 'must be an object'],
    [{ denials: { reasons: ['credentials_wrong'] } }, 'bans.denials.reasons[0]', 'is no reason'],
    [{ denials: { reasons: ['address_banned'] } }, 'bans.denials.reasons[0]', 'is what a ban itself'],
    [{ denials: { reasons: ['rate_limit_unavailable'] } }, 'bans.denials.reasons[0]', 'is an outage'],
    [{ denials: { reasons: ['authentication_failed'] } }, 'bans.denials.reasons[0]', 'is an outage'],
    [{ honeypots: '/x' }, 'bans.honeypots', 'must be a list'],
    [{ honeypots: ['x'] }, 'bans.honeypots[0]', 'is no path'],
    [{ honeypots: ['/'] }, 'bans.honeypots[0]', 'is no path'],
    [{ honeypots: ['/*'] }, 'bans.honeypots[0]', 'is no path'],
    [{ honeypots: ['/a?b'] }, 'bans.honeypots[0]', 'is no path'],
    [{ honeypots: ['/a*'] }, 'bans.honeypots[0]', 'is no path'],
    [{ honeypots: ['/a/*/b'] }, 'bans.honeypots[0]', 'is no path'],
    [{ honeypots: [7] }, 'bans.honeypots[0]', 'is no path'],
    [{ countCrossSite: 'yes' }, 'bans.countCrossSite', 'must be true or false'],
    [{ duration: 'long' }, 'bans.duration', 'is no duration'],
    [{ refresh: '2 minutes' }, 'bans.refresh', 'is too long'],
    [{ onStoreError: 'shut' }, 'bans.onStoreError', 'must be one of'],
    [{ enforcement: 'off' }, 'bans.enforcement', 'must be one of'],
    ...['/a/../b', '/a/..', '//a', '/./a', '/a/%2e%2e/b', '/a;b'].map((path): [unknown, string, string] => [
      { honeypots: [path] },
      'bans.honeypots[0]',
      'left out when paths are compared',
    ]),
    [[], 'bans', 'must be an object'],
  ])('are refused: %j', (options, where, problem) => {
    expect(problemsOf(options)).toContainEqual(
      expect.objectContaining({ where, problem: expect.stringContaining(problem) }),
    );
  });

  it('give two rules no one name', () => {
    const rule = { name: 'hax', matches };
    expect(problemsOf({ rules: [rule, rule] })).toEqual([expect.objectContaining({ where: 'bans.rules[1].name' })]);
  });

  it('are warned of where one ban could keep everybody out, or keeps nobody out', () => {
    expect(bansWarnings({}, true)).toEqual([]);
    expect(bansWarnings({ bans: {}, proxy: { trust: 1 } }, true)).toEqual([]);
    expect(bansWarnings({ bans: {} }, false)).toEqual([]);
    expect(bansWarnings({ bans: {} }, true)).toEqual([expect.stringContaining('without proxy')]);
    expect(bansWarnings({ bans: { enforcement: 'report' } }, false)).toEqual([expect.stringContaining('only records')]);
  });
});
