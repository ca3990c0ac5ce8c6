import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

/** The key pair that Ledger signs its access tokens with. */
export class SigningKey {
  readonly publicKey: KeyObject;
  readonly algorithm: 'EdDSA' | 'ES256';
  /** The JWK thumbprint (RFC 7638), sent as `kid`. */
  readonly id: string;

  private constructor(readonly privateKey: KeyObject) {
    this.algorithm = algorithmOf(privateKey);
    this.publicKey = createPublicKey(privateKey);
    this.id = thumbprint(this.publicKey);
  }

  static generate(): SigningKey {
    return new SigningKey(generateKeyPairSync('ed25519').privateKey);
  }

  /**
   * @param pem PKCS #8; a backslash followed by "n" counts as a line break, as environment files often have it
   * @throws {Error} naming the remedy, when the key is unreadable or neither Ed25519 nor P-256
   */
  static fromPem(pem: string): SigningKey {
    return new SigningKey(readPrivateKey(pem.replaceAll('\\n', '\n')));
  }

  /** 32 secret bytes for another purpose (RFC 5869): the same in every process that has the key, and none of it. */
  derive(purpose: string): Uint8Array {
    const material = this.privateKey.export({ format: 'der', type: 'pkcs8' });
    return new Uint8Array(hkdfSync('sha256', material, '', `ledger ${purpose}`, 32));
  }
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    // OpenSSL's own message may quote the input.
    throw new Error('must be an unencrypted private key as PKCS #8 PEM');
  }
}

function algorithmOf(key: KeyObject): 'EdDSA' | 'ES256' {
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw new Error('must be an Ed25519 or a P-256 key');
}

function thumbprint(key: KeyObject): string {
  // RFC 7638, section 3: the required members only, in the order of their names.
  const { crv, kty, x, y } = key.export({ format: 'jwk' });
  const canonical = JSON.stringify(y === undefined ? { crv, kty, x } : { crv, kty, x, y });
  return createHash('sha256').update(canonical).digest('base64url');
}
