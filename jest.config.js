// Everything becomes CommonJS inside Jest only: Nest 12 is ESM and Jest on Node 20 cannot require ESM, so the ESM
// packages are transformed too. The built package is tested as ESM in test/packaging.
const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
};

export const shared = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', swc],
    '^.+\\.[mc]?js$': ['@swc/jest', { ...swc, jsc: { target: 'es2022', parser: { syntax: 'ecmascript' } } }],
  },
  transformIgnorePatterns: [
    'node_modules/(?!(@nestjs|jose|leven|file-type|strtok3|token-types|uint8array-extras|@borewit|@tokenizer|cookie|iterare|load-esm|@fastify/cookie|@electric-sql|light-my-request/node_modules/cookie|mercurius|quick-lru|content-disposition|@fastify/static/node_modules/content-disposition)/)',
  ],
  moduleNameMapper: {
    '^@palisade/nest$': '<rootDir>/libs/security/src/index.ts',
    '^@palisade/nest/redis$': '<rootDir>/libs/security/src/adapters/redis/index.ts',
    '^@palisade/nest/graphql$': '<rootDir>/libs/security/src/adapters/graphql/index.ts',
    '^(\\.{1,2}/(?!.*node_modules).*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
  maxWorkers: 2,
  // Ends what hangs, and nothing that is slow: a test of a second takes minutes beside other work on the machine.
  testTimeout: 300_000,
};

// These two are of the run, not of a project.
const { maxWorkers, testTimeout, ...project } = shared;

export default {
  maxWorkers,
  testTimeout,
  projects: [
    {
      ...project,
      displayName: 'node',
      roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/test'],
      testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts'],
      testPathIgnorePatterns: [
        '/node_modules/',
        '<rootDir>/test/packaging/',
        '<rootDir>/test/browser/',
        '<rootDir>/test/redis/',
        '<rootDir>/.*/dist/',
      ],
    },
    {
      ...project,
      displayName: 'browser',
      roots: ['<rootDir>/test/browser'],
      testMatch: ['**/*.e2e-spec.ts'],
      // Called only where browser tests are to be run.
      globalSetup: '<rootDir>/test/browser/chromium.ts',
    },
    {
      ...project,
      displayName: 'redis',
      roots: ['<rootDir>/test/redis'],
      testMatch: ['**/*.spec.ts'],
      // Called only where tests with Redis are to be run.
      globalSetup: '<rootDir>/test/redis/redis-program.ts',
    },
  ],
};
