import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expressionProblem } from './origin-expression.js';

describe('A regular expression for origins', () => {
  it.each<[RegExp]>([
    [/^https:\/\/.*$/],
    [/^https:\/\/.*\.example\.org$/],
    [/^https:\/\/[^.]+\.example\.com$/],
    [/^https?:\/\/localhost(?::\d+)?$/],
    [/^https:\/\/(www|app|admin)\.example\.com$/],
    [/^https:\/\/(?<name>[a-z0-9-]+)\.example\.com$/],
    [/^https:\/\/(?:[a-z0-9-]+\.)*example\.com$/],
    [/^https:\/\/(?:.*\.)?example\.com$/],
    [/^https:\/\/[a-z0-9]+(?:-[a-z0-9]+)*\.example\.com$/],
    [/^https:\/\/preview-[a-z0-9]{8,12}-team\.vercel\.app$/],
    [/^https:\/\/[a-z]+\.[a-z]+\.[a-z]+\.[a-z]+\.example\.com$/],
    [/^https:\/\/(?:app|api)\d{1,3}\.example\.com:(?:8443|9443)$/],
    [/^https:\/\/[a-z0-9-]+-[a-z0-9-]+-team\.vercel\.app$/],
    [/^https:\/\/APP\.example\.com$/i],
    [/^https:\/\/app\.example\.com$/dsu],
    [/^(?:https:\/\/a\.test|https:\/\/b\.test)$/],
    [/^https:\/\/[a-z0-9-]+preview\.example\.com$/],
    [/^https:\/\/[[\]a]\.test$/],
    [/^https:\/\/(?:a|)b\.test$/],
  ])('may be %s', (expression) => {
    expect(expressionProblem(expression)).toBeUndefined();
  });

  it.each<[RegExp]>([
    [/https:\/\/app\.example\.com/],
    [/^https:\/\/app\.example\.com/],
    [/https:\/\/app\.example\.com$/],
    [/^https:\/\/app\.example\.com\$/],
    [/\^https:\/\/app\.example\.com$/],
    [/^https:\/\/a\.test|https:\/\/b\.test$/],
    [/^https:\/\/a\.test$|^https:\/\/b\.test$/],
    [/^https:\/\/a\.test$\n?/],
    [/(?:)/],
    [/^(?:^https:\/\/a\.test|b$)$/],
    [/^(?:https:\/\/a\.test$|.*)$/],
  ])('must match whole origins, unlike %s', (expression) => {
    expect(expressionProblem(expression)).toBeDefined();
  });

  it.each(['g', 'm', 'y', 'v', 'gi', 'mu'])('may not have the flags "%s"', (flags) => {
    expect(expressionProblem(new RegExp('^https://a\\.test$', flags))?.problem).toContain('flag');
  });

  it.each<[RegExp]>([
    [/^https:\/\/app.example.com$/],
    [/^https:\/\/app\.example.com$/],
    [/^https:\/\/(?:app.example\.com|b\.test)$/],
    [/^https:\/\/.?\.example\.com$/],
  ])('must mean its dots, unlike %s', (expression) => {
    expect(expressionProblem(expression)?.problem).toContain('dot');
  });

  it.each<[RegExp]>([
    [/^https:\/\/.*example\.com$/],
    [/^https:\/\/.+example\.com$/],
    [/^https:\/\/(.*)example\.com$/],
    [/^https:\/\/(?:.+)?example\.com$/],
    [/^https:\/\/[a-z-]*example\.com$/],
    [/^https:\/\/.*\.?example\.com$/],
    [/^https:\/\/\w{0,9}example\.com(?::\d+)?$/],
  ])('must set off the name of the domain, unlike %s', (expression) => {
    expect(expressionProblem(expression)?.problem).toContain('before a name');
  });

  it.each<[RegExp]>([
    [/^https:\/\/(?:[a-z]+)+\.example\.com$/],
    [/^https:\/\/(?:[a-z0-9-]*\.?)*example\.com$/],
    [/^https:\/\/([a-z]*)*\.example\.com$/],
    [/^https:\/\/(?:a|a)+\.example\.com$/],
    [/^https:\/\/(?:a|ab|b)+\.example\.com$/],
    [/^https:\/\/(?:[a-z]+[a-z]+\.)+example\.com$/],
    [/^https:\/\/(?:a|b?)+\.example\.com$/],
    [/^https:\/\/(?:[a-z]+){10}\.example\.com$/],
    [/^https:\/\/.*.*\.example\.com$/],
    [/^https:\/\/.*-(?:[a-z]+\.)*example\.com$/],
    [/^https:\/\/[a-z-]*[a-z-]*[a-z-]*-x\.example\.com$/],
    [/^https:\/\/(?:(?:[a-z]+-?)+\.)+example\.com$/],
    [/^https:\/\/(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)(?:a|a)\.test$/],
    [/^https:\/\/(a+)\1\.example\.com$/],
    [/^https:\/\/(?!evil)[a-z]+\.example\.com$/],
    [/^https:\/\/(?=[a-z]+)[a-z]+\.example\.com$/],
    [/^https:\/\/\bapp\.example\.com$/],
    [/^https:\/\/\x61\.example\.com$/],
    [/^https:\/\/\u0061\.example\.com$/],
    [new RegExp(`^https://${'a'.repeat(1000)}$`)],
  ])('must match in a time that can be told, unlike %s', (expression) => {
    expect(expressionProblem(expression)).toBeDefined();
  });

  it('is judged without an exception, whatever it is', () => {
    const piece = fc.constantFrom(...'ab.*+?()[]{}|\\^$:-/,12dwsux<>=!😀', '(?:', '(?<a>', '(?=', '{2,}', '\\.', '\\d');
    const source = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(source, fc.constantFrom('', 'u', 'i'), fc.boolean(), (text, flags, isAnchored) => {
        let expression: RegExp;
        try {
          expression = new RegExp(isAnchored ? `^${text}$` : text, flags);
        } catch {
          return;
        }
        const problem = expressionProblem(expression);
        expect(problem?.fix).not.toBe('');
        if (!isAnchored && !text.startsWith('^')) expect(problem).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('that is accepted matches the same when it is anchored again: there is no way around its ends', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '\\.',
      '[ab]',
      '[^.]',
      'a*',
      '[a-z]+',
      '(?:a|b)',
      '(a\\.)*',
      'b?',
      '|',
      '$',
      '^',
    );
    const source = fc.array(piece, { maxLength: 8 }).map((pieces) => `^${pieces.join('')}$`);
    const text = fc.array(fc.constantFrom('a', 'b', '.', 'z'), { maxLength: 8 }).map((all) => all.join(''));
    fc.assert(
      fc.property(source, text, (pattern, candidate) => {
        const expression = new RegExp(pattern);
        if (expressionProblem(expression) !== undefined) return;
        expect(expression.test(candidate)).toBe(new RegExp(`^(?:${pattern})$`).test(candidate));
      }),
      { numRuns: 2000 },
    );
  });
});
