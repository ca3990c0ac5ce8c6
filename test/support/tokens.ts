import { createHmac, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** A key pair of a test; made anew in each run, so that no fixture looks like a key. */
export interface SigningKey {
  readonly alg: string;
  readonly kid?: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;

export function signingKey(alg: string, kid?: string): SigningKey {
  const named = kid === undefined ? {} : { kid };
  if (alg === 'EdDSA') return { alg, ...named, ...generateKeyPairSync('ed25519') };
  if (alg in CURVES) {
    return { alg, ...named, ...generateKeyPairSync('ec', { namedCurve: CURVES[alg as keyof typeof CURVES] }) };
  }
  return { alg, ...named, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

export function sharedSecret(bytes = 64): string {
  return randomBytes(bytes).toString('hex').slice(0, bytes);
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** Signs whatever it is given, however wrong: the library must be the one to notice. */
export function signToken(header: object, claims: unknown, key: SigningKey | string): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signatureOf(input, key).toString('base64url')}`;
}

function signatureOf(input: string, key: SigningKey | string): Buffer {
  if (typeof key === 'string') return createHmac('sha256', key).update(input).digest();
  const data = Buffer.from(input);
  if (key.alg === 'EdDSA') return sign(null, data, key.privateKey);
  const hash = `sha${key.alg.slice(2)}`;
  if (key.alg.startsWith('ES')) return sign(hash, data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  if (key.alg.startsWith('PS')) {
    return sign(hash, data, { key: key.privateKey, padding: 6, saltLength: Number(key.alg.slice(2)) / 8 });
  }
  return sign(hash, data, key.privateKey);
}

export const ISSUER = 'https://id.palisade.test';
export const AUDIENCE = 'palisade-tests';

/** Issues tokens that are right but for what a test changes. */
export class TokenIssuer {
  constructor(
    readonly key: SigningKey,
    private readonly clock: { readonly seconds: number },
    private readonly issuer = ISSUER,
  ) {}

  issue(claims: object = {}, header: object = {}): string {
    const now = this.clock.seconds;
    return signToken(
      { alg: this.key.alg, typ: 'at+jwt', ...(this.key.kid && { kid: this.key.kid }), ...header },
      { iss: this.issuer, aud: AUDIENCE, sub: 'alice', iat: now, exp: now + 600, ...claims },
      this.key,
    );
  }
}
