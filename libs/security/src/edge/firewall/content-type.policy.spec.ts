import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { mediaTypeOf } from '../../core/http-grammar.js';
import { carriesBody, compileContentTypes, mediaRangesProblem } from './content-type.policy.js';
import { resolveFirewall } from './firewall.options.js';

const byDefault = compileContentTypes(resolveFirewall().contentTypes);

function answerTo(contentType: string | undefined, decide = byDefault): string {
  const decision = decide(contentType, true);
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('content types', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON;CHARSET="utf-8"',
    'application/json ;\tcharset=utf-8 ; a="b;,\\"c"',
    'application/json;',
    'application/problem+json',
    'application/vnd.api+v2+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW',
  ])('are accepted: %s', (contentType) => {
    expect(answerTo(contentType)).toBe('allowed');
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['that any site can send', 'text/plain'],
    ['not listed', 'application/xml'],
    ['like a listed one', 'application/json5'],
    ['a range', 'application/*'],
    ['a suffix alone', 'application/+json'],
    ['of another tree', 'text/x+json'],
    ['with a space within', 'application /json'],
    ['with a space before', ' application/json'],
    ['with a tab and a word', 'application/json\ttext/plain'],
    ['repeated', 'application/json, text/plain'],
    ['repeated, behind parameters', 'application/json; charset=utf-8, text/plain'],
    ['without a subtype', 'application'],
    ['without a subtype', 'application/'],
    ['without a type', '/json'],
    ['with a parameter without value', 'application/json; charset'],
    ['with a parameter without name', 'application/json; =utf-8'],
    ['with an open quotation', 'application/json; charset="utf-8'],
    ['with more behind a quotation', 'application/json; charset="utf-8"x'],
    ['with two slashes', 'application/json/x'],
    ['with a line break', 'application/json\r\nX: y'],
  ])('are refused where %s: %j', (_, contentType) => {
    expect(answerTo(contentType)).toBe('content_type_unsupported');
  });

  it('are not looked at where there is no body', () => {
    expect(byDefault('text/plain', false).allowed).toBe(true);
    expect(byDefault(undefined, false).allowed).toBe(true);
  });

  it('are those that are listed, in whatever case', () => {
    const decide = compileContentTypes(['Image/*', 'Text/CSV']);
    expect(answerTo('image/svg+xml', decide)).toBe('allowed');
    expect(answerTo('text/csv; header=present', decide)).toBe('allowed');
    expect(answerTo('images/png', decide)).toBe('content_type_unsupported');
    expect(answerTo('application/json', decide)).toBe('content_type_unsupported');
  });

  it('may be any, or none, where that is dangerously allowed', () => {
    const decide = compileContentTypes(resolveFirewall({ dangerouslyAllow: ['anyContentType'] }).contentTypes);
    expect(answerTo('text/plain', decide)).toBe('allowed');
    expect(answerTo(undefined, decide)).toBe('allowed');
  });

  it('are read without a throw, and end where the parameters begin', () => {
    const parts = fc.constantFrom('a', '/', ';', ' ', '=', '"', ',', '\t', '\\', 'json', '+', '*', '\n', '\u00e9');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(parts).map((list) => list.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (field) => {
          const mediaType = mediaTypeOf(field);
          if (mediaType === undefined) return;
          expect(field.toLowerCase().startsWith(mediaType)).toBe(true);
          expect(mediaType).toMatch(/^[^\s;,="/\\]+\/[^\s;,="/\\]+$/);
          expect(field.slice(mediaType.length)).toMatch(/^(?:[ \t]*;.*)?$/s);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('media types in options', () => {
  it.each([['application/json'], ['image/*'], ['application/*+json'], ['application/vnd.api+json'], ['text/x-a_b']])(
    'are accepted: %s',
    (range) => {
      expect(mediaRangesProblem([range])).toBeUndefined();
    },
  );

  it.each<[unknown]>([
    [undefined],
    ['application/json'],
    [[]],
    [[1]],
    [['*/*']],
    [['*/json']],
    [['json']],
    [['application/json; charset=utf-8']],
    [['application/json, text/plain']],
    [['application/js*']],
    [['application/*json']],
    [[' application/json']],
    [['application/json', '']],
  ])('are refused: %j', (ranges) => {
    expect(mediaRangesProblem(ranges)).toEqual(expect.any(String));
  });
});

describe('a request', () => {
  it.each<[string, number, Record<string, string>, boolean | undefined, boolean]>([
    ['without either field', 1, {}, undefined, false],
    ['with a length of nothing', 1, { 'content-length': '0' }, undefined, false],
    ['with a length', 1, { 'content-length': '1' }, undefined, true],
    ['with a length that is none', 1, { 'content-length': '' }, undefined, true],
    ['with chunks', 1, { 'transfer-encoding': 'chunked' }, undefined, true],
    ['with both', 1, { 'content-length': '0', 'transfer-encoding': 'chunked' }, undefined, true],
    ['that ends with its header, on HTTP/2', 2, {}, true, false],
    ['that goes on behind its header, on HTTP/2', 2, {}, false, true],
    ['of an unknown stream, on HTTP/2', 2, {}, undefined, true],
    ['with a length, on HTTP/2', 2, { 'content-length': '1' }, undefined, true],
  ])('%s, HTTP/%i %j %s: a body is %s', (_, httpVersionMajor, headers, endAfterHeaders, expected) => {
    const stream = endAfterHeaders === undefined ? undefined : { endAfterHeaders };
    expect(carriesBody({ httpVersionMajor, headers, stream })).toBe(expected);
  });
});
