import { createHmac, createSecretKey, hkdfSync, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { CsrfSecret } from './csrf.secret.js';

/*
 * A token is base64url(pad, payload XOR pad), the pad being random and as long as the payload:
 *
 *   version (1) | expiry in seconds since the epoch (5) | nonce (16) | HMAC-SHA-256 (32)
 *
 * 54 bytes, twice, are 144 characters without padding and without spare bits: each bit of a token means something.
 */
const VERSION = 1;
const EXPIRY_AT = 1;
const EXPIRY_BYTES = 5;
const NONCE_AT = EXPIRY_AT + EXPIRY_BYTES;
const NONCE_BYTES = 16;
const MAC_AT = NONCE_AT + NONCE_BYTES;
const MAC_BYTES = 32;
const PAYLOAD_BYTES = MAC_AT + MAC_BYTES;

/** The number of characters of every token. */
export const CSRF_TOKEN_LENGTH = (2 * PAYLOAD_BYTES * 8) / 6;

const BASE64URL = /^[\w-]+$/;

/**
 * Signs and verifies tokens (OWASP, "Signed Double-Submit Cookie", without the cookie: the signature and the binding
 * suffice). The mask keeps a token that is repeated in compressed answers from being guessed by their lengths (BREACH).
 * Anybody can mask a token anew; that makes no other token of it.
 */
export class CsrfTokenSigner {
  private readonly signingKey: KeyObject;
  private readonly keys: readonly KeyObject[];

  /** The first secret signs, all of them verify. */
  constructor(secrets: readonly [CsrfSecret, ...CsrfSecret[]]) {
    const [first, ...others] = secrets;
    this.signingKey = keyOf(first);
    this.keys = [this.signingKey, ...others.map(keyOf)];
  }

  /** A token that is valid before `expiry`, in seconds since the epoch; never the same twice. */
  sign(binding: string, expiry: number): string {
    const payload = Buffer.allocUnsafe(PAYLOAD_BYTES);
    payload[0] = VERSION;
    payload.writeUIntBE(expiry, EXPIRY_AT, EXPIRY_BYTES);
    randomBytes(NONCE_BYTES).copy(payload, NONCE_AT);
    macOf(payload, binding, this.signingKey).copy(payload, MAC_AT);
    return masked(payload);
  }

  /** The expiry of a token that one of the secrets signed for this binding; `undefined` for anything else. */
  verify(token: string, binding: string): number | undefined {
    // Before it is decoded: Node's decoder skips what is no base64url, and two tokens would be one (fails closed).
    if (token.length !== CSRF_TOKEN_LENGTH || !BASE64URL.test(token)) return undefined;
    const payload = unmasked(token);
    const mac = payload.subarray(MAC_AT);
    // Which of the secrets signed is no secret: the first that matches ends the search.
    if (!this.keys.some((key) => timingSafeEqual(mac, macOf(payload, binding, key)))) return undefined;
    // Signed by one of our secrets, but by a release that means something else by it (fails closed).
    return payload[0] === VERSION ? payload.readUIntBE(EXPIRY_AT, EXPIRY_BYTES) : undefined;
  }
}

/** A key of its own (RFC 5869): a secret that also signs something else gives no token away. */
function keyOf(secret: CsrfSecret): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', Buffer.from(secret), '', '@palisade/nest csrf token', 32)));
}

/** The fields before the binding have fixed lengths, and its own length precedes it: no two inputs read alike. */
function macOf(payload: Buffer, binding: string, key: KeyObject): Buffer {
  // UTF-8 would make one of all unpaired surrogates, and so of two bindings.
  const bound = Buffer.from(binding, 'utf16le');
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bound.length);
  return createHmac('sha256', key).update(payload.subarray(0, MAC_AT)).update(length).update(bound).digest();
}

function masked(payload: Buffer): string {
  const token = Buffer.allocUnsafe(2 * PAYLOAD_BYTES);
  const pad = randomBytes(PAYLOAD_BYTES);
  pad.copy(token);
  for (let i = 0; i < PAYLOAD_BYTES; i++) token[PAYLOAD_BYTES + i] = (payload[i] as number) ^ (pad[i] as number);
  return token.toString('base64url');
}

function unmasked(token: string): Buffer {
  const bytes = Buffer.from(token, 'base64url');
  const payload = Buffer.allocUnsafe(PAYLOAD_BYTES);
  for (let i = 0; i < PAYLOAD_BYTES; i++) payload[i] = (bytes[i] as number) ^ (bytes[PAYLOAD_BYTES + i] as number);
  return payload;
}
