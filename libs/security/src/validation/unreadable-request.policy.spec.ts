import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, NotFoundException, PayloadTooLargeException } from '@nestjs/common';
import { unreadableRequest } from './unreadable-request.policy.js';

function codeOf(exception: unknown): string | undefined {
  return unreadableRequest(exception)?.code;
}

function failing(json: string): SyntaxError {
  try {
    JSON.parse(json);
  } catch (error) {
    return error as SyntaxError;
  }
  throw new Error('The JSON is valid');
}

const reading = (error: Error, fields: object) => Object.assign(error, fields);
const parser = (type: string, status: number) =>
  reading(new Error('m'), { type, status, statusCode: status, expose: true });
const fastify = (code: string, statusCode: number, message = 'm') => reading(new Error(message), { code, statusCode });

/** As Nest 11 makes them: the name of the method is on the stack. */
const nest11 = {
  mapExternalException(message: string, status: number): HttpException {
    return status === 400 ? new BadRequestException(message) : new HttpException(message, status);
  },
};

describe('errors of reading a request', () => {
  it.each<[string, unknown, string]>([
    [
      'malformed JSON on Express',
      reading(failing('{"a'), { type: 'entity.parse.failed', status: 400 }),
      'body_malformed',
    ],
    ['a body that is too large on Express', parser('entity.too.large', 413), 'body_too_large'],
    ['too many parameters on Express', parser('parameters.too.many', 413), 'body_too_large'],
    ['a body that ended early on Express', parser('request.aborted', 400), 'body_incomplete'],
    ['a body of another length on Express', parser('request.size.invalid', 400), 'body_incomplete'],
    ['an unknown encoding on Express', parser('encoding.unsupported', 415), 'content_encoding_unsupported'],
    ['an unknown character set on Express', parser('charset.unsupported', 415), 'content_charset_unsupported'],
    ['a deep form on Express', parser('querystring.parse.rangeError', 400), 'input_too_deep'],
    [
      'bytes that do not inflate',
      reading(new Error('m'), { code: 'Z_DATA_ERROR', errno: -3, status: 400 }),
      'body_malformed',
    ],
    ['a path on Express', reading(new URIError("Failed to decode param '%FF'"), { status: 400 }), 'request_malformed'],
    ['malformed JSON on Fastify', fastify('FST_ERR_CTP_INVALID_JSON_BODY', 400), 'body_malformed'],
    ['no JSON on Fastify', fastify('FST_ERR_CTP_EMPTY_JSON_BODY', 400), 'body_empty'],
    ['a body that is too large on Fastify', fastify('FST_ERR_CTP_BODY_TOO_LARGE', 413), 'body_too_large'],
    ['a body of another length on Fastify', fastify('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400), 'body_incomplete'],
    ['an unknown type on Fastify', fastify('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 'content_type_unsupported'],
    ['malformed JSON on older Fastify', reading(failing('x'), { statusCode: 400 }), 'body_malformed'],
    [
      'a refused prototype on older Fastify',
      reading(new SyntaxError('Object contains forbidden prototype property'), { statusCode: 400 }),
      'input_key_forbidden',
    ],
  ])('are told: %s', (_, error, code) => {
    expect(codeOf(error)).toBe(code);
    // Nest 12 wraps them.
    const { message, status, statusCode } = error as Error & { status?: number; statusCode?: number };
    expect(codeOf(new HttpException(message, Number(status ?? statusCode), { cause: error }))).toBe(code);
  });

  it.each<[string, number, string]>([
    [failing('secret').message, 400, 'body_malformed'],
    [failing('{"a":1').message, 400, 'body_malformed'],
    [failing('').message, 400, 'body_malformed'],
    [failing('{} x').message, 400, 'body_malformed'],
    [failing('"\n"').message, 400, 'body_malformed'],
    ["Failed to decode param '%FF'", 400, 'request_malformed'],
    ["Body is not valid JSON but content-type is set to 'application/json'", 400, 'body_malformed'],
    ["Body cannot be empty when content-type is set to 'application/json'", 400, 'body_empty'],
    ['Request body size did not match Content-Length', 400, 'body_incomplete'],
    ['Request body is too large', 413, 'body_too_large'],
    ['Unsupported Media Type', 415, 'content_type_unsupported'],
    ['Object contains forbidden prototype property', 400, 'input_key_forbidden'],
  ])('are told without a cause, as Nest 11 maps them: %s', (message, status, code) => {
    expect(codeOf(nest11.mapExternalException(message, status))).toBe(code);
  });

  it('never bring their message along', () => {
    const error = reading(failing('"secret-value'), { type: 'entity.parse.failed', status: 400 });
    expect(error.message).not.toBe(unreadableRequest(error)?.message);
    expect(JSON.stringify(unreadableRequest(error))).not.toContain('secret');
  });
});

describe('every other exception', () => {
  const cause = reading(failing('x'), { type: 'entity.parse.failed', status: 400 });
  class OwnException extends BadRequestException {}

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'Unsupported Media Type'],
    ['an object of the same shape', { type: 'entity.too.large', status: 413 }],
    ['an error', new Error('x')],
    ['a JSON error of a handler', failing('x')],
    ['a JSON error that a handler turned into a bad request', new BadRequestException(failing('x').message)],
    ['a text that a parser uses as well', new HttpException('Unsupported Media Type', 415)],
    ['a size that a handler refuses', new PayloadTooLargeException()],
    ['a path that a handler decodes', new URIError("Failed to decode param 'x'")],
    ['a parser error that a handler explains', new BadRequestException('Send valid JSON', { cause })],
    ['an exception class of the application', new OwnException(cause.message, { cause })],
    ['an exception with another cause', new BadRequestException('x', { cause: new Error('x') })],
    ['a verify function', parser('entity.verify.failed', 403)],
    ['a parser error of the server', parser('stream.encoding.set', 500)],
    ['a type that is a member of every object', parser('toString', 400)],
    ['a parser error with another status', parser('entity.too.large', 500)],
    ['a schema of Fastify', fastify('FST_ERR_VALIDATION', 400)],
    ['a system error', reading(new Error('x'), { code: 'ECONNRESET', errno: -104, statusCode: 400 })],
    ['a not-found', new NotFoundException()],
    ['another mapping of Nest 11', nest11.mapExternalException('is wrong', 400)],
  ])('is left to the application: %s', (_, exception) => {
    expect(unreadableRequest(exception)).toBeUndefined();
  });

  it('is left to it where a message only claims to be mapped', () => {
    const message = 'x is not valid JSON\n    at RoutesResolver.mapExternalException (x) is not valid JSON';
    expect(unreadableRequest(new BadRequestException(message))).toBeUndefined();
  });
});
