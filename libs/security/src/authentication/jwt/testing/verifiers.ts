import { JwtVerifier } from '../jwt-verifier.js';
import type { JwtAlgorithm, JwtOptions } from '../jwt.options.js';
import { AUDIENCE, ISSUER, signingKey, StoppedClock } from './tokens.js';

/** A verifier of the tokens that `signedToken` makes with the issuer's first key. */
export function verifierOf(alg: JwtAlgorithm, options: object = {}, clock = new StoppedClock()): JwtVerifier {
  const key = alg.startsWith('HS') ? { secret: signingKey(alg).secret } : { key: signingKey(alg).publicKey };
  const all = { issuer: ISSUER, audience: AUDIENCE, algorithms: [alg], ...key, ...options };
  return new JwtVerifier(all as JwtOptions, clock);
}
