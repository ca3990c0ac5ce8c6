// The arrows of the design, at error level. test/arrows.spec.ts breaks each rule once, so that none can go blind.
const LIBRARY = '^libs/security/src/';
// Specifications, and what only they use: testing/ within core/ or a feature. The testing/ beside them is an entry.
const SPEC = ['\\.(?:spec|e2e-spec)\\.ts$', `${LIBRARY}.+/testing/`];

// Types of foreign modules are found by the compiler, imported by nobody.
const DECLARATIONS = '\\.d\\.ts$';

// Folders of the library that are no feature; every other folder is one.
const OTHER_THAN_FEATURES = '(?:core|adapters|testing|cli)/';

// Which optional peers an adapter is there for.
const ADAPTER_PEERS = {
  redis: ['ioredis', 'redis'],
  postgres: ['pg', '@electric-sql/pglite'],
  graphql: ['@nestjs/graphql', 'graphql'],
  websockets: ['@nestjs/websockets'],
  microservices: ['@nestjs/microservices'],
  openapi: ['@nestjs/swagger'],
  metrics: ['prom-client', '@opentelemetry/api'],
};

// The application brings these; the library works with whichever it finds and names none.
const FRAMEWORKS = ['express', 'fastify', '@nestjs/platform-[^/]+', 'pino'];

// A package that is not installed shows under its bare name, its types under @types.
function packages(names) {
  return `(?:^|node_modules/)(?:@types/)?(?:${names.join('|')})(?:/|$)`;
}

function forbid(name, comment, from, to) {
  return { name, comment, severity: 'error', from, to };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    forbid(
      'core-knows-no-feature',
      'core/ is what the features share: it imports nothing else of the library.',
      { path: `${LIBRARY}core/` },
      { path: LIBRARY, pathNot: `${LIBRARY}core/` },
    ),
    forbid(
      'features-never-meet',
      'A feature imports core/ and itself; what two features share belongs to core/.',
      { path: `${LIBRARY}(?!${OTHER_THAN_FEATURES})([^/]+)/` },
      { path: LIBRARY, pathNot: [`${LIBRARY}core/`, `${LIBRARY}$1/`] },
    ),
    forbid(
      'adapters-reach-ports-only',
      "An adapter imports core/, itself and the features' ports (*.port.ts).",
      { path: `${LIBRARY}adapters/([^/]+)/` },
      { path: LIBRARY, pathNot: [`${LIBRARY}core/`, `${LIBRARY}adapters/$1/`, `${LIBRARY}.+\\.port\\.ts$`] },
    ),
    forbid(
      'root-entry-without-extras',
      'The module, its options, its guard and the root entry import features and core/ only.',
      { path: `${LIBRARY}[^/]+\\.ts$`, pathNot: SPEC },
      { path: `${LIBRARY}(?:adapters|testing|cli)/` },
    ),
    ...Object.entries(ADAPTER_PEERS).map(([adapter, peers]) =>
      forbid(
        `peers-of-${adapter}-stay-in-its-adapter`,
        `Only adapters/${adapter}/ imports ${peers.join(' or ')}.`,
        { path: LIBRARY, pathNot: [`${LIBRARY}adapters/${adapter}/`, ...SPEC] },
        { path: packages(peers) },
      ),
    ),
    forbid(
      'library-names-no-framework',
      'The library reads requests through structural types, so that it needs neither Express nor Fastify.',
      { path: LIBRARY, pathNot: SPEC },
      { path: packages(FRAMEWORKS) },
    ),
    forbid(
      'root-entry-reaches-no-optional-peer',
      'Whoever imports the root entry has none of the optional peers installed. Types count: they are in the .d.ts files.',
      { path: `${LIBRARY}index\\.ts$` },
      { path: packages([...Object.values(ADAPTER_PEERS).flat(), ...FRAMEWORKS]), reachable: true },
    ),
    forbid(
      'reachable-from-the-entry',
      'A file of core/ or of a feature that the root entry does not reach is of use to nobody.',
      { path: `${LIBRARY}index\\.ts$` },
      { path: LIBRARY, pathNot: [...SPEC, DECLARATIONS, `${LIBRARY}(?:adapters|testing|cli)/`], reachable: false },
    ),
    forbid(
      'no-barrels',
      'Only the entries of the package gather names.',
      {},
      { path: `${LIBRARY}.+/index\\.ts$`, pathNot: `${LIBRARY}(?:adapters/[^/]+|testing|cli)/index\\.ts$` },
    ),
    forbid(
      'library-through-its-entries',
      'Applications, tests and benchmarks use what a user of the package can use.',
      { path: '^(?:apps|test|benchmarks)/' },
      { path: '^libs/', pathNot: ['/node_modules/', `${LIBRARY}index\\.ts$`, `${LIBRARY}adapters/[^/]+/index\\.ts$`] },
    ),
    forbid(
      'library-by-its-name',
      'Applications, tests and benchmarks import @palisade/nest, never a relative path into the library.',
      { path: '^(?:apps|test|benchmarks)/' },
      { path: '^libs/', pathNot: '/node_modules/', dependencyTypesNot: ['aliased'] },
    ),
    forbid('library-stands-alone', 'The library imports no application.', { path: '^libs/' }, { path: '^apps/' }),
    forbid(
      'shipped-code-without-tests',
      'What ships imports no test and no benchmark.',
      { path: '^(?:libs|apps)/', pathNot: SPEC },
      { path: ['^(?:test|benchmarks)/', ...SPEC] },
    ),
    forbid(
      'shipped-code-declares-what-it-imports',
      "What ships imports its package's own dependencies and peers, never a dev-dependency or a package that happens to be hoisted.",
      { path: '^(?:libs|apps)/[^/]+/src/', pathNot: SPEC },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'] },
    ),
    forbid(
      'no-nest-internals',
      'Only the public entries of @nestjs packages: no internal entry, no deep path.',
      {},
      { path: 'node_modules/@nestjs/', pathNot: 'node_modules/@nestjs/[^/]+/(?:dist/)?index\\.[cm]?js$' },
    ),
    forbid(
      'no-cycles',
      'A cycle of values is a runtime error with ES modules and decorators; types alone may refer to each other.',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    forbid(
      'no-orphans',
      'A file that imports nothing and that nothing imports.',
      { orphan: true, pathNot: DECLARATIONS },
      {},
    ),
    forbid('resolvable', 'An import that leads nowhere.', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['(^|/)dist/', '^test/packaging/consumers/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'require'],
      mainFields: ['main', 'types'],
    },
  },
};
