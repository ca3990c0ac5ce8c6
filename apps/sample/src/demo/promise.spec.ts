import { describe, expect, it } from '@jest/globals';
import { answerOf } from './answer.js';
import { brokenParts, wordsOf } from './promise.js';

const HEADERS = { 'www-authenticate': 'Bearer', 'x-content-type-options': 'nosniff' };
const refused = answerOf(401, HEADERS, '{"code":"credentials_missing"}');

describe('a promise of the demo', () => {
  it('is kept by the answer it describes', () => {
    const promised = { status: 401, code: 'credentials_missing', challenge: 'Bearer' };
    expect(brokenParts(promised, refused)).toEqual([]);
  });

  it('is kept by the headers it names, whatever others there are', () => {
    const headers = { 'X-Content-Type-Options': 'nosniff', 'X-Powered-By': undefined };
    expect(brokenParts({ status: 401, challenge: 'Bearer', headers }, refused)).toEqual([]);
  });

  it.each([
    ['another status', { status: 400, code: 'credentials_missing', challenge: 'Bearer' }],
    ['another code', { status: 401, code: 'token_expired', challenge: 'Bearer' }],
    ['another challenge', { status: 401, code: 'credentials_missing', challenge: 'Bearer realm="x"' }],
    ['no challenge', { status: 401, code: 'credentials_missing' }],
    ['another header', { status: 401, challenge: 'Bearer', headers: { Vary: 'Origin' } }],
    ['no such header', { status: 401, challenge: 'Bearer', headers: { 'X-Content-Type-Options': undefined } }],
    ['something else', { status: 401, challenge: 'Bearer', and: [['else', () => false]] as const }],
  ])('is broken by an answer when it was of %s', (_, promised) => {
    expect(brokenParts(promised, refused)).toHaveLength(1);
  });

  it('is broken by an answer without the code, or without a body', () => {
    expect(brokenParts({ status: 200, code: 'x' }, answerOf(200, {}, '[]'))).toHaveLength(1);
    expect(brokenParts({ status: 200, code: 'x' }, answerOf(200, {}, '<html>'))).toHaveLength(1);
    expect(brokenParts({ status: 200, challenge: 'Bearer' }, answerOf(200, {}, ''))).toHaveLength(1);
  });

  it('reads as words', () => {
    expect(wordsOf({ status: 409, code: 'insufficient_funds', and: [['nothing booked', () => true]] })).toBe(
      '409 insufficient_funds, nothing booked',
    );
    expect(wordsOf({ status: 404, headers: { Vary: 'Origin', Server: undefined } })).toBe('404, no Server');
  });
});
