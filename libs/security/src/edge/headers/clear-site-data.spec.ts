import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkClearSiteData, CLEAR_SITE_DATA_DEFAULT, clearSiteDataValue } from './clear-site-data.js';

function problemsOf(value: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkClearSiteData(value, 'SessionController.logout', problems);
  return problems;
}

describe('Clear-Site-Data', () => {
  it('quotes each type (hdr-17)', () => {
    expect(clearSiteDataValue(CLEAR_SITE_DATA_DEFAULT)).toBe('"cache", "cookies", "storage"');
    expect(clearSiteDataValue(['*'])).toBe('"*"');
  });

  it.each<unknown>([['*'], ['cookies'], ['executionContexts', 'cache'], CLEAR_SITE_DATA_DEFAULT])(
    'takes %j',
    (...value) => {
      expect(problemsOf(value.flat())).toEqual([]);
    },
  );

  it.each<[unknown]>([
    [[]],
    [['*', 'cookies']],
    [['cookies', 'cookies']],
    [['cookie']],
    [['cookies"\r\nSet-Cookie: a=b']],
    [['']],
    [[null]],
    ['cookies'],
    [undefined],
    [{}],
  ])('refuses %j and names the handler', (value) => {
    expect(problemsOf(value)).toEqual([expect.objectContaining({ where: 'SessionController.logout' })]);
  });
});
