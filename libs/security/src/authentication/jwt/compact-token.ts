/** The three segments of a JWS in compact serialization (RFC 7515, section 3.1), still encoded. */
export interface CompactToken {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The segments of a token, or `undefined` for what is no JWS: other than three segments, one empty, no base64url. */
export function splitToken(token: string): CompactToken | undefined {
  if (!COMPACT.test(token)) return undefined;
  const first = token.indexOf('.');
  const last = token.lastIndexOf('.');
  if (!isCanonical(token, 0, first) || !isCanonical(token, first + 1, last)) return undefined;
  if (!isCanonical(token, last + 1, token.length)) return undefined;
  return { header: token.slice(0, first), payload: token.slice(first + 1, last), signature: token.slice(last + 1) };
}

const END_OF_ONE_BYTE = 'AQgw';
const END_OF_TWO_BYTES = 'AEIMQUYcgkosw048';

/**
 * The bits behind the last byte are zero (RFC 4648, section 3.5). Otherwise several texts would be the same token, and
 * a list of revoked ones could be evaded.
 */
function isCanonical(token: string, start: number, end: number): boolean {
  switch ((end - start) % 4) {
    case 1:
      return false;
    case 2:
      return END_OF_ONE_BYTE.includes(token.charAt(end - 1));
    case 3:
      return END_OF_TWO_BYTES.includes(token.charAt(end - 1));
    default:
      return true;
  }
}

/** The JSON of a segment, or `undefined` where there is none. */
export function decodeJson(segment: string): unknown {
  return parseJson(Buffer.from(segment, 'base64url'));
}

export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
