import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parse } from 'node:querystring';
import { resolveFirewall, type FirewallOptions } from './firewall.options.js';
import { compileParameters } from './parameters.policy.js';

function answerTo(
  query: string,
  parameters: FirewallOptions['parameters'] = {},
  options: FirewallOptions = {},
): string {
  const decision = compileParameters(resolveFirewall({ ...options, parameters }))(`/path${query}`);
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('parameters', () => {
  it.each([
    ['no query', ''],
    ['an empty query', '?'],
    ['names and values', '?a=1&b=two&c'],
    ['nothing between separators', '?&&a=1&&'],
    ['an empty name', '?=1'],
    ['an equals sign in the value', '?a=b=c'],
    ['an encoded value', '?a=%E3%81%82+b'],
    ['an encoded name', '?%E3%81%82=1'],
    ['control characters in a value', '?a=line%0D%0Aline%00'],
    ['a repeated name', '?a=1&a=2&a[]=3'],
    ['a question mark', '?a=?'],
  ])('are accepted: %s', (_, query) => {
    expect(answerTo(query)).toBe('allowed');
  });

  it.each([
    ['fw-55', '?Bad%00Name=x'],
    ['a line break in a name', '?a%0d%0ab=1'],
    ['DEL in a name', '?%7F'],
    ['a C1 control in a name', '?%C2%85=1'],
    ['a character that Unicode has not, in a name', '?%EF%BF%BF=1'],
    ['a raw control character in a name', '?a\u0001'],
    ['in the second name', '?a=1&b%00'],
    ['a percent sign alone', '?a=100%'],
    ['a percent sign alone in a name', '?100%=a'],
    ['a percent sign cut by the next parameter', '?a=%4&1'],
    ['no hexadecimal digits', '?a=%u0041'],
    ['no UTF-8', '?a=%E9'],
    ['overlong', '?a=%c0%af'],
  ])('are refused as malformed (%s): %s', (_, query) => {
    expect(answerTo(query)).toBe('parameter_malformed');
  });

  it('may be malformed where that is dangerously allowed, but for control characters in names', () => {
    const options: FirewallOptions = { dangerouslyAllow: ['malformedQuery'] };
    expect(answerTo('?a=100%&b%=%E9', {}, options)).toBe('allowed');
    expect(answerTo('?a%00=1', {}, options)).toBe('parameter_malformed');
  });

  it('are counted', () => {
    expect(answerTo('?a&b&c', { max: 3 })).toBe('allowed');
    expect(answerTo('?a&b&&c&d', { max: 3 })).toBe('parameters_too_many');
    const query = Array.from({ length: 201 }, (_, i) => `p${i}`);
    expect(answerTo(`?${query.slice(1).join('&')}`)).toBe('allowed');
    expect(answerTo(`?${query.join('&')}`)).toBe('parameters_too_many');
  });

  it('are measured as they decode', () => {
    expect(answerTo('?%E3%81%82b=', { maxNameLength: 2 })).toBe('allowed');
    expect(answerTo('?%E3%81%82bc=', { maxNameLength: 2 })).toBe('parameter_too_long');
    expect(answerTo('?a=%20+c', { maxValueLength: 3 })).toBe('allowed');
    expect(answerTo('?a=%20+cd&b', { maxValueLength: 3 })).toBe('parameter_too_long');
    expect(answerTo(`?${'n'.repeat(257)}`)).toBe('parameter_too_long');
  });

  it.each([
    ['a name', '?a=1&a=2'],
    ['a name without value', '?a&a'],
    ['a name written in two ways', '?a=1&%61=2'],
    ['a space written in two ways', '?a+b=1&a%20b=2'],
    ['an empty name', '?=1&=2'],
  ])('are refused, where they may not be, when they repeat %s', (_, query) => {
    expect(answerTo(query, { repeated: 'refuse' })).toBe('parameter_repeated');
    expect(answerTo(query, { repeated: { allow: ['other'] } })).toBe('parameter_repeated');
  });

  it('may repeat the names that are listed', () => {
    expect(answerTo('?tag=1&t%61g=2&a', { repeated: { allow: ['tag'] } })).toBe('allowed');
    expect(answerTo('?a=1&a[]=2&A=3', { repeated: 'refuse' })).toBe('allowed');
  });

  it('must be accepted by the rule of the application', () => {
    const seen: string[][] = [];
    const accept = (name: string, value: string) => seen.push([name, value]) > 0;
    expect(answerTo('?a+b=%31&c', { accept })).toBe('allowed');
    expect(seen).toEqual([
      ['a b', '1'],
      ['c', ''],
    ]);
    expect(answerTo('?a=1', { accept: () => false })).toBe('parameter_malformed');
  });

  it('are refused where that rule throws, or answers later', () => {
    const failing = () => {
      throw new Error('away');
    };
    expect(answerTo('?a=1', { accept: failing })).toBe('parameter_malformed');
    expect(answerTo('?a=1', { accept: (async () => true) as unknown as () => boolean })).toBe('parameter_malformed');
  });

  it('are taken apart as the parsers do', () => {
    const text = fc.stringMatching(/^[ab&=+?[\]]{0,3}$|^%(?:41|61|E3%81%82|26|3D|2B)$/);
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), (parts) => {
        const query = parts.join('');
        const seen: [string, string][] = [];
        const accept = (name: string, value: string) => seen.push([name, value]) > 0;
        expect(answerTo(`?${query}`, { accept })).toBe('allowed');
        const byName: Record<string, string | string[]> = {};
        for (const [name, value] of seen) {
          const before = byName[name];
          byName[name] = before === undefined ? value : [before, value].flat();
        }
        expect(byName).toEqual({ ...parse(query) });
        const names = seen.map(([name]) => name);
        const isRepeated = new Set(names).size < names.length;
        expect(answerTo(`?${query}`, { repeated: 'refuse' })).toBe(isRepeated ? 'parameter_repeated' : 'allowed');
      }),
    );
  });

  it('are decided without a throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('allow', 'refuse'), (query, repeated) => {
        expect(answerTo(`?${query}`, { repeated }, { dangerouslyAllow: ['malformedQuery'] })).not.toBe('');
        expect(answerTo(`?${query}`, { repeated })).not.toBe('');
      }),
    );
  });
});
