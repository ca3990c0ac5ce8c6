import { randomBytes } from 'node:crypto';
import { describeConsumer } from './consumer.suite.js';

const secret = randomBytes(32).toString('base64url');

describeConsumer({
  name: 'nest12-esm',
  importing: `import('@palisade/nest').then(() => import('@palisade/nest/graphql'))`,
  algorithm: 'HS256',
  signingKey: secret,
  env: { JWT_SECRET: secret },
});
