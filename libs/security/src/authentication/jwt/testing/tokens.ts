import { constants, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { JwtAlgorithm } from '../jwt.options.js';

/** A key pair or a secret, as an issuer has it. */
export interface SigningKey {
  readonly alg: JwtAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly secret: Buffer;
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
const pairs = new Map<string, ReturnType<typeof generatePair>>();

/** The issuer's key of that name; made once, for RSA keys take their time. */
export function signingKey(alg: JwtAlgorithm, name = 'first'): SigningKey {
  const id = `${/^[RP]S/.test(alg) ? 'RSA' : alg} ${name}`;
  let pair = pairs.get(id);
  if (pair === undefined) {
    pair = generatePair(alg);
    pairs.set(id, pair);
  }
  return { alg, ...pair };
}

function generatePair(alg: JwtAlgorithm) {
  const secret = randomBytes(64);
  // A secret comes with a pair as well, one that is quickly made.
  if (alg === 'EdDSA' || alg.startsWith('HS')) return { ...generateKeyPairSync('ed25519'), secret };
  const namedCurve = CURVES[alg];
  if (namedCurve !== undefined) return { ...generateKeyPairSync('ec', { namedCurve }), secret };
  return { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), secret };
}

/** The second that tests take for now, and the claims of a token that is valid then. */
export const NOW = 1_800_000_000;
export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'ledger';
export const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: NOW - 60, exp: NOW + 600 };

/** A clock that stands still until it is set, in seconds. */
export class StoppedClock {
  constructor(public seconds = NOW) {}

  now(): number {
    return this.seconds * 1000;
  }
}

/** Any claims (`undefined` leaves one out) under any header, signed all the same. */
export function signedToken(key: SigningKey, claims: object = {}, header: object = {}): string {
  return signedText(key, JSON.stringify({ ...CLAIMS, ...claims }), header);
}

/** Any payload under any header. */
export function signedText(key: SigningKey, payload: string, header: object = {}): string {
  const input = `${segment(JSON.stringify({ alg: key.alg, typ: 'JWT', ...header }))}.${segment(payload)}`;
  return `${input}.${signatureOf(key, input).toString('base64url')}`;
}

/** Text in base64url. */
export function segment(text: string): string {
  return Buffer.from(text).toString('base64url');
}

export function signatureOf({ alg, privateKey, secret }: SigningKey, input: string): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (alg === 'EdDSA') return sign(null, Buffer.from(input), privateKey);
  if (alg.startsWith('HS')) return createHmac(hash, secret).update(input).digest();
  if (alg.startsWith('ES')) return sign(hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  if (alg.startsWith('RS')) return sign(hash, Buffer.from(input), privateKey);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign(hash, Buffer.from(input), { key: privateKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

export function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }).toString();
}

/** A self-signed certificate (RFC 5280) around an RSA key, as small as it can be. */
export function certificateOf({ privateKey, publicKey }: SigningKey): string {
  const algorithm = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'));
  const commonName = der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('issuer')));
  const name = der(0x30, der(0x31, commonName));
  const validity = der(0x30, der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('450101000000Z')));
  const key = publicKey.export({ format: 'der', type: 'spki' });
  const body = der(0x30, der(0x02, Buffer.from([1])), algorithm, name, validity, name, key);
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  const base64 = der(0x30, body, algorithm, signature).toString('base64');
  return ['-----BEGIN CERTIFICATE-----', ...(base64.match(/.{1,64}/g) ?? []), '-----END CERTIFICATE-----', ''].join(
    '\n',
  );
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
