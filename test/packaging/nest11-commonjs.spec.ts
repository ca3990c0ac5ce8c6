import { generateKeyPairSync } from 'node:crypto';
import { describeConsumer } from './consumer.suite.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

describeConsumer({
  name: 'nest11-commonjs',
  importing: `require('@palisade/nest'); require('@palisade/nest/graphql')`,
  algorithm: 'ES256',
  signingKey: privateKey,
  env: { JWT_PUBLIC_KEY: publicKey },
});
