import { BadRequestException, HttpException } from '@nestjs/common';
import { INPUT_PROBLEMS } from './validation.policy.js';

/** How a request that could not be read is answered. The codes are stable, the texts fixed. */
export interface UnreadableRequestAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const BODY_MALFORMED = answer(400, 'body_malformed', 'The body could not be read as its content type says');
const BODY_EMPTY = answer(400, 'body_empty', 'The body is empty');
const BODY_INCOMPLETE = answer(400, 'body_incomplete', 'The body is not as long as was announced');
const BODY_TOO_LARGE = answer(413, 'body_too_large', 'The body is too large');
const REQUEST_MALFORMED = answer(400, 'request_malformed', 'The path could not be decoded');
const KEY_FORBIDDEN = answer(400, 'input_key_forbidden', INPUT_PROBLEMS.input_key_forbidden);

/** The `type` of body-parser's errors. Those of `verify` functions (403) belong to the application. */
const BODY_PARSER: Readonly<Record<string, UnreadableRequestAnswer>> = {
  'entity.parse.failed': BODY_MALFORMED,
  'entity.too.large': BODY_TOO_LARGE,
  'parameters.too.many': BODY_TOO_LARGE,
  'request.aborted': BODY_INCOMPLETE,
  'request.size.invalid': BODY_INCOMPLETE,
  'encoding.unsupported': answer(415, 'content_encoding_unsupported', 'The content encoding is not supported'),
  'charset.unsupported': answer(415, 'content_charset_unsupported', 'The character set is not supported'),
  'querystring.parse.rangeError': answer(400, 'input_too_deep', INPUT_PROBLEMS.input_too_deep),
};

/** The `code` of Fastify's errors, and how their texts begin: Nest 11 keeps the text alone. */
const FASTIFY: Readonly<Record<string, { readonly text: string; readonly answer: UnreadableRequestAnswer }>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { text: 'Body is not valid JSON but content-type', answer: BODY_MALFORMED },
  FST_ERR_CTP_EMPTY_JSON_BODY: { text: 'Body cannot be empty when content-type', answer: BODY_EMPTY },
  FST_ERR_CTP_BODY_TOO_LARGE: { text: 'Request body is too large', answer: BODY_TOO_LARGE },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { text: 'Request body size did not match', answer: BODY_INCOMPLETE },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    text: 'Unsupported Media Type',
    answer: answer(415, 'content_type_unsupported', 'The content type is not supported'),
  },
};

const PROTOTYPE_REFUSED = 'Object contains forbidden prototype property';
const PATH_UNDECODABLE = "Failed to decode param '";
const JSON_ERROR = /is not valid JSON$|in JSON at position \d|JSON input$|after JSON at position \d/u;

/** Nest 11 turns errors of the adapter into exceptions in this method, which is then the first on their stack. */
const MAPPED_BY_NEST_11 = /^\s*at (?:\S+\.)?mapExternalException /mu;

interface ReadingError extends Error {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
}

/**
 * How to answer an exception that tells of a request that could not be read, or `undefined` for any other: those
 * belong to the application and its filters.
 */
export function unreadableRequest(exception: unknown): UnreadableRequestAnswer | undefined {
  if (!(exception instanceof Error)) return undefined;
  if (!(exception instanceof HttpException)) return ofReadingError(exception);
  // A subclass was thrown by the application.
  const { constructor } = exception;
  if (constructor !== HttpException && constructor !== BadRequestException) return undefined;
  const { cause } = exception;
  if (cause instanceof Error) return ofMapped(exception, cause);
  return ofNestsOwn(exception) ?? ofNest11(exception);
}

/** Nest 12 keeps the error as the cause and its message as the message; the application's wrapping says something else. */
function ofMapped(exception: HttpException, cause: Error): UnreadableRequestAnswer | undefined {
  return exception.message === cause.message ? ofReadingError(cause) : undefined;
}

function ofReadingError(error: ReadingError): UnreadableRequestAnswer | undefined {
  const status = error.statusCode ?? error.status;
  const found =
    lookUp(BODY_PARSER, error.type) ?? lookUp(FASTIFY, error.code)?.answer ?? ofUntyped(error, error.message);
  return found !== undefined && found.status === status ? found : undefined;
}

/** Errors without a code of their own, told by their kind: a path, compressed bytes, JSON in older versions of Fastify. */
function ofUntyped(error: ReadingError, message: string): UnreadableRequestAnswer | undefined {
  if (error instanceof URIError) return message.startsWith(PATH_UNDECODABLE) ? REQUEST_MALFORMED : undefined;
  if (error instanceof SyntaxError) {
    if (message === PROTOTYPE_REFUSED) return KEY_FORBIDDEN;
    return JSON_ERROR.test(message) ? BODY_MALFORMED : undefined;
  }
  const isInflating = typeof error.errno === 'number' && /^(?:Z_|ZSTD_|ERR_)/u.test(String(error.code));
  return isInflating ? BODY_MALFORMED : undefined;
}

/** The Fastify adapter of Nest 12 refuses `__proto__` in forms by itself. */
function ofNestsOwn(exception: HttpException): UnreadableRequestAnswer | undefined {
  return exception.getStatus() === 400 && exception.message === PROTOTYPE_REFUSED ? KEY_FORBIDDEN : undefined;
}

/** Nest 11 keeps no cause. */
function ofNest11(exception: HttpException): UnreadableRequestAnswer | undefined {
  if (!MAPPED_BY_NEST_11.test(exception.stack?.slice(exception.message.length) ?? '')) return undefined;
  const { message } = exception;
  const status = exception.getStatus();
  for (const { text, answer: found } of Object.values(FASTIFY)) {
    if (found.status === status && message.startsWith(text)) return found;
  }
  if (status !== 400) return undefined;
  if (message.startsWith(PATH_UNDECODABLE)) return REQUEST_MALFORMED;
  return JSON_ERROR.test(message) ? BODY_MALFORMED : undefined;
}

function lookUp<V>(table: Readonly<Record<string, V>>, key: unknown): V | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
}

function answer(status: number, code: string, message: string): UnreadableRequestAnswer {
  return Object.freeze({ status, code, message });
}
