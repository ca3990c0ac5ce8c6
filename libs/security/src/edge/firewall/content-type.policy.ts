import type { IncomingHttpHeaders } from 'node:http';
import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import { mediaTypeOf } from '../../core/http-grammar.js';
import { describe } from '../../core/options.rules.js';

/** Decides on the value of a `Content-Type` field, and on its absence where there is a body. */
export type ContentTypePolicy = (contentType: string | undefined, hasBody: boolean) => Decision;

const REFUSED = denied('content_type_unsupported');

const NAME = '[a-z0-9][a-z0-9!#$&^_.+-]*';
/** `type/subtype`, `type/*` or `type/*+suffix`; names as RFC 6838, section 4.2, restricts them. */
const MEDIA_RANGE = new RegExp(`^${NAME}/(?:${NAME}|\\*(?:\\+${NAME})?)$`, 'i');

/** What clients add to the types themselves, word for word. */
const USUAL_PARAMETERS = ['', '; charset=utf-8', ';charset=utf-8', '; charset=UTF-8', ';charset=UTF-8'] as const;

/** What mends a list of media types that is none. */
export const MEDIA_RANGES_FIX = "List media types: 'application/json', 'image/*' or 'application/*+json'";

/** What keeps a value from being a list of media types, or `undefined`. */
export function mediaRangesProblem(ranges: unknown): string | undefined {
  if (!Array.isArray(ranges)) return `must be a list of media types, not ${describe(ranges)}`;
  if (ranges.length === 0) return 'names no media type';
  for (const range of ranges as readonly unknown[]) {
    if (typeof range !== 'string') return `must be a list of media types, one is ${describe(range)}`;
    if (range.startsWith('*/')) return 'accepts every type, which is no rule';
    if (range.includes(';')) return 'has a parameter; only the type itself is compared';
    if (!MEDIA_RANGE.test(range)) return 'has something that is no media type';
  }
  return undefined;
}

/**
 * Compiles the media types that a body may have. Types are compared without regard to case and parameters; a field that
 * is malformed, repeated or missing is refused, as parsers read such fields differently (CVE-2025-32442).
 */
export function compileContentTypes(ranges: readonly string[] | 'any'): ContentTypePolicy {
  if (ranges === 'any') return () => ALLOWED;
  const accepted = new Set(ranges.map((range) => range.toLowerCase()));
  // Made here rather than while serving: nothing that clients send can fill it.
  const usual = new Set(
    [...accepted]
      .filter((range) => !range.includes('*'))
      .flatMap((type) => USUAL_PARAMETERS.map((parameters) => `${type}${parameters}`)),
  );
  const hasRanges = [...accepted].some((range) => range.includes('*'));

  function isAccepted(mediaType: string): boolean {
    if (accepted.has(mediaType)) return true;
    if (!hasRanges) return false;
    const subtype = mediaType.indexOf('/') + 1;
    const anySubtype = `${mediaType.slice(0, subtype)}*`;
    if (accepted.has(anySubtype)) return true;
    const suffix = mediaType.lastIndexOf('+');
    return suffix > subtype && accepted.has(anySubtype + mediaType.slice(suffix));
  }

  return (contentType, hasBody) => {
    if (!hasBody) return ALLOWED;
    // (fails closed)
    if (contentType === undefined) return REFUSED;
    if (usual.has(contentType)) return ALLOWED;
    const mediaType = mediaTypeOf(contentType);
    return mediaType !== undefined && isAccepted(mediaType) ? ALLOWED : REFUSED;
  };
}

/** What tells whether a request has a body; on HTTP/2 neither field is needed, the stream knows. */
export interface BodyHead {
  readonly httpVersionMajor: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream?: { readonly endAfterHeaders?: boolean | undefined } | undefined;
}

/** Whether a body follows the header (RFC 9112, section 6; RFC 9113, section 8.1). In doubt, it does (fails closed). */
export function carriesBody(request: BodyHead): boolean {
  const { headers } = request;
  const length = headers['content-length'];
  if (length !== undefined) return length !== '0' || headers['transfer-encoding'] !== undefined;
  if (request.httpVersionMajor < 2) return headers['transfer-encoding'] !== undefined;
  return request.stream?.endAfterHeaders !== true;
}
