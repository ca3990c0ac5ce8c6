import { createHash, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';

/** A certificate of a test; made anew in each run, so that no fixture looks like a key. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The SHA-256 of the public key in base64, by which a browser can be told to trust it. */
  readonly fingerprint: string;
}

export async function certificate(): Promise<Certificate> {
  const name = 'app.example.test';
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }],
  });
  const publicKey = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return { key, cert, fingerprint: createHash('sha256').update(publicKey).digest('base64') };
}
