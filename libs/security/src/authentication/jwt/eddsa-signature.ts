import type { KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import { denied } from '../../core/decision.js';
import { parseJson } from './compact-token.js';
import type { SignatureCheck } from './jwt.strategy.js';

const SIGNATURE_INVALID: SignatureCheck = { denial: denied('token_signature_invalid'), payload: undefined };

/** Verifies a token signed with Ed25519 (RFC 8037), which jsonwebtoken and so passport-jwt lack. */
export async function checkEdDsa(token: string, key: KeyObject): Promise<SignatureCheck> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: ['EdDSA'] });
    return { denial: undefined, payload: parseJson(Buffer.from(payload)) };
  } catch {
    return SIGNATURE_INVALID;
  }
}
