import { createHmac, type KeyObject } from 'node:crypto';

const NO_ALGORITHM = encode({ alg: 'none', typ: 'at+jwt' });

/** The same token with other claims, and the signature of the old ones. */
export function tampered(token: string, claims: object): string {
  const [header, payload, signature] = token.split('.') as [string, string, string];
  return [header, encode({ ...decode(payload), ...claims }), signature].join('.');
}

/** The claims of a token under a header that says they need no signature, and none. */
export function unsigned(token: string): string {
  const [, payload] = token.split('.') as [string, string];
  return `${NO_ALGORITHM}.${payload}.`;
}

/** The same header, with the signature of the real one left in place. */
export function relabelled(token: string): string {
  const [, payload, signature] = token.split('.') as [string, string, string];
  return `${NO_ALGORITHM}.${payload}.${signature}`;
}

/** The claims of a token, signed with the public key as if it were a shared secret. */
export function signedWithPublicKey(token: string, key: KeyObject): string {
  const [, payload] = token.split('.') as [string, string];
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${payload}`;
  const secret = key.export({ format: 'pem', type: 'spki' });
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function decode(part: string): object {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
