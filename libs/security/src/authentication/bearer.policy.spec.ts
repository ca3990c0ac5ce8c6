import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HttpRequest } from '../core/request.js';
import { tokenFromHeader, tokenSource } from './bearer.policy.js';

const request = (headers: HttpRequest['headers'], more: object = {}): HttpRequest => ({ headers, ...more });
const header = (authorization: string) => tokenFromHeader(request({ authorization }));
const MALFORMED = { allowed: false, reason: 'credentials_malformed' };
const REPEATED = { allowed: false, reason: 'credentials_repeated' };

describe('The token of the Authorization header', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['Bearer   abc  ', 'abc'],
    ['Bearer', ''],
    ['Bearer ', ''],
  ])('of "%s" is "%s"', (value, token) => {
    expect(header(value)).toBe(token);
  });

  it.each(['Basic abc', 'Bearerabc', 'Bearer\tabc', '', 'abc', '"Bearer" abc'])('is not there in "%s"', (value) => {
    expect(header(value)).toBeUndefined();
  });

  it.each(['Bearer a b', 'Bearer a,b', 'Bearer a, Bearer b'])('is malformed in "%s"', (value) => {
    expect(header(value)).toEqual(MALFORMED);
  });

  it('is refused where the header came twice, in whatever case, on Express and on Fastify', () => {
    const rawHeaders = ['Host', 'x', 'Authorization', 'Bearer a', 'aUTHORIZATION', 'Bearer b'];
    const headers = { authorization: 'Bearer a' };
    expect(tokenFromHeader(request(headers, { rawHeaders }))).toEqual(REPEATED);
    expect(tokenFromHeader(request(headers, { raw: { rawHeaders } }))).toEqual(REPEATED);
  });

  it('is not confused by values that look like the name', () => {
    const rawHeaders = ['authorization', 'Bearer a', 'x-note', 'authorization'];
    expect(tokenFromHeader(request({ authorization: 'Bearer a' }, { rawHeaders }))).toBe('a');
  });

  it('never throws and never holds a space, whatever comes', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const token = header(`Bearer ${value}`);
        if (typeof token === 'string') expect(token).not.toMatch(/[ ,]/);
        else expect(token).toEqual(MALFORMED);
      }),
    );
  });
});

describe('Other transports', () => {
  const cookies = tokenSource([{ cookie: 'session' }]);
  const cookie = (value: string) => cookies(request({ cookie: value }));

  it.each([
    ['session=abc', 'abc'],
    ['a=1; session=abc; b=2', 'abc'],
    ['session="abc"', 'abc'],
    [' session = abc ', 'abc'],
  ])('find the token in the cookies "%s"', (value, token) => {
    expect(cookie(value)).toBe(token);
  });

  it.each(['xsession=abc', 'session2=abc', 'session', 'other=session', 'session='])('find none in "%s"', (value) => {
    expect(cookie(value)).toBeUndefined();
  });

  it('refuse two cookies of one name', () => {
    expect(cookie('session=a; session=b')).toEqual(REPEATED);
  });

  it('read inherited properties of a query or a body as none', () => {
    const query = tokenSource([{ query: 'toString' }]);
    expect(query(request({}, { query: {} }))).toBeUndefined();
  });

  it.each([
    [['a', 'b'], REPEATED],
    ['', MALFORMED],
    [{ $ne: '' }, MALFORMED],
    [7, MALFORMED],
  ])('refuse %j in the query', (value, denial) => {
    expect(tokenSource([{ query: 'token' }])(request({}, { query: { token: value } }))).toEqual(denial);
  });

  it.each([
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; charset=UTF-8',
    'APPLICATION/X-WWW-FORM-URLENCODED',
  ])('read a form sent as %s', (type) => {
    const form = tokenSource([{ form: 'token' }]);
    expect(form(request({ 'content-type': type }, { body: { token: 'a' } }))).toBe('a');
  });

  it.each(['application/json', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencodedx', undefined])(
    'read no form sent as %s',
    (type) => {
      const form = tokenSource([{ form: 'token' }]);
      expect(form(request({ 'content-type': type }, { body: { token: 'a' } }))).toBeUndefined();
    },
  );

  it('refuse what a function answers that is no text', () => {
    const from = (answer: unknown) => tokenSource([() => answer as string])(request({}));
    expect(from(undefined)).toBeUndefined();
    expect(from(null)).toBeUndefined();
    expect(from(['a', 'b'])).toEqual(REPEATED);
    expect(from(7)).toEqual(MALFORMED);
  });

  it('refuse two that carry a token at once, and take the one that does', () => {
    const both = tokenSource(['header', { cookie: 'session' }]);
    expect(both(request({ authorization: 'Bearer a', cookie: 'session=a' }))).toEqual(REPEATED);
    expect(both(request({ cookie: 'session=a' }))).toBe('a');
    expect(both(request({ authorization: 'Bearer b' }))).toBe('b');
    expect(both(request({}))).toBeUndefined();
  });
});
