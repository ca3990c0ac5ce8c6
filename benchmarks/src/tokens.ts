import { generateKeyPair, randomUUID, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export const ISSUER = 'https://identity.bank.example';
export const AUDIENCE = 'ledger';

export type Algorithm = 'RS256' | 'ES256';

const generate = promisify(generateKeyPair);

/** Signs the tokens of one run; its key exists for that run only. */
export class TokenSigner {
  private constructor(
    readonly algorithm: Algorithm,
    private readonly privateKey: KeyObject,
    readonly publicKey: KeyObject,
  ) {}

  static async create(algorithm: Algorithm): Promise<TokenSigner> {
    const { privateKey, publicKey } =
      algorithm === 'RS256'
        ? await generate('rsa', { modulusLength: 2048 })
        : await generate('ec', { namedCurve: 'P-256' });
    return new TokenSigner(algorithm, privateKey, publicKey);
  }

  get publicPem(): string {
    return this.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /** A token as an identity provider would issue it; no two are the same. */
  sign(role: string, lifetime = 3600): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: this.algorithm, typ: 'JWT' };
    const claims = {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: 'alice',
      roles: [role],
      scope: 'accounts:read transfers:read',
      jti: randomUUID(),
      iat: now,
      exp: now + lifetime,
    };
    const signed = `${encode(header)}.${encode(claims)}`;
    return new Promise((resolve, reject) => {
      // With a callback the signature is computed off the main thread, so that a pool of tokens uses all cores.
      sign('sha256', Buffer.from(signed), { key: this.privateKey, dsaEncoding: 'ieee-p1363' }, (error, signature) => {
        if (error === null) resolve(`${signed}.${signature.toString('base64url')}`);
        else reject(error);
      });
    });
  }

  async signMany(role: string, count: number): Promise<string[]> {
    const tokens: string[] = [];
    while (tokens.length < count) {
      const batch = Math.min(200, count - tokens.length);
      tokens.push(...(await Promise.all(Array.from({ length: batch }, () => this.sign(role)))));
    }
    return tokens;
  }
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
