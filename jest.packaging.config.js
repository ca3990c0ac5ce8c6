import { shared } from './jest.config.js';

// What ships, as shipped: the packed tarball, looked into and installed into the consumer projects.
export default {
  ...shared,
  roots: ['<rootDir>/test/packaging'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/packaging/consumers/'],
  globalSetup: '<rootDir>/test/packaging/pack.ts',
  globalTeardown: '<rootDir>/test/packaging/unpack.ts',
  testTimeout: 300_000,
};
