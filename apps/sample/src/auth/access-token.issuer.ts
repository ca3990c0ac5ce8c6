import { Injectable } from '@nestjs/common';
import { SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { SigningKey } from './signing-key.js';

export const ISSUER = 'https://ledger.example';
export const AUDIENCE = 'https://ledger.example/api';
const CLIENT = 'ledger';
const LIFETIME_SECONDS = 15 * 60;

export interface AccessToken {
  readonly value: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** Signs access tokens as RFC 9068 describes them. */
@Injectable()
export class AccessTokenIssuer {
  constructor(private readonly key: SigningKey) {}

  async issue(
    user: { readonly id: string; readonly roles: readonly string[] },
    now = new Date(),
  ): Promise<AccessToken> {
    const issuedAt = Math.floor(now.getTime() / 1000);
    const value = await new SignJWT({ client_id: CLIENT, roles: user.roles, auth_time: issuedAt })
      .setProtectedHeader({ alg: this.key.algorithm, typ: 'at+jwt', kid: this.key.id })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(user.id)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIME_SECONDS)
      .setJti(randomUUID())
      .sign(this.key.privateKey);
    return { value, expiresIn: LIFETIME_SECONDS };
  }
}
