import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

interface FixtureFile {
  readonly lines: readonly string[];
  /** The rules that the file breaks. */
  readonly breaks: readonly string[];
}

const LIBRARY = 'libs/security/src';

function keeps(...lines: readonly string[]): FixtureFile {
  return { lines, breaks: [] };
}

function breaks(rules: string, ...lines: readonly string[]): FixtureFile {
  return { lines, breaks: rules.split(' ') };
}

const ADAPTER_PEERS: Readonly<Record<string, readonly string[]>> = {
  redis: ['ioredis', 'redis'],
  postgres: ['pg', '@electric-sql/pglite'],
  graphql: ['@nestjs/graphql', 'graphql'],
  websockets: ['@nestjs/websockets'],
  microservices: ['@nestjs/microservices'],
  openapi: ['@nestjs/swagger'],
  metrics: ['prom-client', '@opentelemetry/api'],
};
const PEERS = Object.values(ADAPTER_PEERS).flat();
const FRAMEWORKS = ['express', 'fastify', '@nestjs/platform-express', '@nestjs/platform-fastify', 'pino'];

function importing(name: string): string {
  return `wants-${name.replace(/\W+/g, '-')}`;
}

function adapters(): Record<string, FixtureFile> {
  const files: Record<string, FixtureFile> = {};
  for (const [adapter, peers] of Object.entries(ADAPTER_PEERS)) {
    const imports = peers.map((peer) => `import '${peer}';`);
    files[`${LIBRARY}/adapters/${adapter}/index.ts`] = keeps(...imports, `import '../../core/clock.js';`);
    for (const peer of peers) {
      files[`${LIBRARY}/tokens/${importing(peer)}.ts`] = breaks(
        `peers-of-${adapter}-stay-in-its-adapter`,
        `import type { Client } from '${peer}';`,
      );
    }
  }
  return files;
}

function frameworks(): Record<string, FixtureFile> {
  const rules = 'library-names-no-framework shipped-code-declares-what-it-imports';
  return Object.fromEntries(
    FRAMEWORKS.map((name) => [
      `${LIBRARY}/tokens/${importing(name)}.ts`,
      breaks(rules, `import type { Request } from '${name}';`),
    ]),
  );
}

// A small workspace in which every arrow that the design allows is drawn, and every rule is broken.
const TREE: Readonly<Record<string, FixtureFile>> = {
  [`${LIBRARY}/index.ts`]: breaks(
    'root-entry-reaches-no-optional-peer',
    `export * from './security.module.js';`,
    `export * from './wants-adapter.js';`,
  ),
  [`${LIBRARY}/security.module.ts`]: keeps(
    `import '@nestjs/common';`,
    `import './core/clock.js';`,
    `import './authentication/guard.js';`,
    `import './authorization/guard.js';`,
    `import './tokens/all.js';`,
  ),
  [`${LIBRARY}/security.module.spec.ts`]: keeps(`import './security.module.js';`, `import 'jest-like';`),
  [`${LIBRARY}/wants-adapter.ts`]: breaks(
    'root-entry-without-extras',
    `import './adapters/redis/index.js';`,
    `import './core/knows-feature.js';`,
  ),
  [`${LIBRARY}/core/clock.ts`]: keeps(`import '@nestjs/common';`, `import type { B } from './type-cycle.js';`),
  [`${LIBRARY}/core/type-cycle.ts`]: keeps(`import './clock.js';`),
  [`${LIBRARY}/core/knows-feature.ts`]: breaks(
    'core-knows-no-feature',
    `import type { Policy } from '../authorization/policy.js';`,
    `import './cycle-a.js';`,
  ),
  [`${LIBRARY}/core/cycle-a.ts`]: breaks('no-cycles', `import './cycle-b.js';`),
  // A cycle is reported once, at the file that closes it.
  [`${LIBRARY}/core/cycle-b.ts`]: keeps(`import './cycle-a.js';`),
  [`${LIBRARY}/core/foreign.d.ts`]: keeps(`declare module 'foreign';`),
  [`${LIBRARY}/core/dead.ts`]: breaks('reachable-from-the-entry', `import './clock.js';`),
  [`${LIBRARY}/core/alone.ts`]: breaks('no-orphans reachable-from-the-entry', `export const alone = true;`),
  [`${LIBRARY}/authentication/guard.ts`]: breaks(
    'features-never-meet',
    `import '../core/clock.js';`,
    `import './jwt/strategy.js';`,
    `import '../authorization/policy.js';`,
  ),
  [`${LIBRARY}/authentication/jwt/strategy.ts`]: keeps(`import '../../core/clock.js';`),
  [`${LIBRARY}/authorization/guard.ts`]: breaks(
    'features-never-meet no-barrels',
    `import './policy.js';`,
    `import './masking.js';`,
    `import './roles/index.js';`,
    `import type { SecurityModule } from '../security.module.js';`,
  ),
  [`${LIBRARY}/authorization/testing/roles.ts`]: keeps(`import '../policy.js';`, `import 'jest-like';`),
  [`${LIBRARY}/authorization/policy.spec.ts`]: keeps(`import './testing/roles.js';`),
  [`${LIBRARY}/authorization/masking.ts`]: breaks('shipped-code-without-tests', `import './testing/roles.js';`),
  [`${LIBRARY}/authorization/policy.ts`]: keeps(`import '../core/clock.js';`),
  [`${LIBRARY}/authorization/roles/index.ts`]: keeps(`import '../policy.js';`),
  [`${LIBRARY}/tokens/all.ts`]: breaks(
    'resolvable no-nest-internals shipped-code-without-tests library-stands-alone',
    ...[...PEERS, ...FRAMEWORKS].map((name) => `import './${importing(name)}.js';`),
    `import './undeclared.js';`,
    `import './store.port.js';`,
    `import './nowhere.js';`,
    `import '@nestjs/common/internal';`,
    `import '../../../../test/e2e/tokens.js';`,
    `import '../../../../apps/sample/src/demo.js';`,
  ),
  [`${LIBRARY}/tokens/store.port.ts`]: keeps(`import '../core/clock.js';`),
  [`${LIBRARY}/tokens/undeclared.ts`]: breaks('shipped-code-declares-what-it-imports', `import 'jest-like';`),
  ...adapters(),
  ...frameworks(),
  [`${LIBRARY}/adapters/console/index.ts`]: breaks(
    'adapters-reach-ports-only',
    `import '../../tokens/store.port.js';`,
    `import '../../tokens/all.js';`,
  ),
  [`${LIBRARY}/testing/index.ts`]: keeps(`import '../security.module.js';`),
  'apps/sample/src/main.ts': breaks(
    'no-nest-internals shipped-code-declares-what-it-imports',
    `import '@palisade/nest';`,
    `import '@nestjs/common';`,
    `import '@nestjs/common/deep/path.js';`,
    `import 'jest-like';`,
  ),
  'apps/sample/src/demo.ts': keeps(`import '@nestjs/common';`),
  'test/e2e/tokens.ts': keeps(`import 'jest-like';`),
  'test/e2e/by-name.e2e-spec.ts': keeps(
    `import '@palisade/nest';`,
    `import '@palisade/nest/redis';`,
    `import './tokens.js';`,
  ),
  'test/e2e/inside.e2e-spec.ts': breaks(
    'library-through-its-entries library-by-its-name',
    `import '../../${LIBRARY}/core/clock.js';`,
  ),
  'test/attacks/relative.spec.ts': breaks('library-by-its-name', `import '../../${LIBRARY}/index.js';`),
  'benchmarks/src/main.ts': breaks(
    'library-through-its-entries library-by-its-name',
    `import type { Clock } from '../../${LIBRARY}/core/clock.js';`,
  ),
};

function dependencies(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '1.0.0']));
}

const MANIFESTS: Readonly<Record<string, object>> = {
  '.': { name: 'fixture', workspaces: ['libs/*', 'apps/*'], devDependencies: dependencies('jest-like', ...FRAMEWORKS) },
  'libs/security': { name: '@palisade/nest', peerDependencies: dependencies('@nestjs/common', ...PEERS) },
  'apps/sample': { name: '@palisade/sample', dependencies: dependencies('@nestjs/common', '@palisade/nest') },
  'node_modules/@nestjs/common': {
    name: '@nestjs/common',
    exports: { '.': './index.js', './internal': './internal.js', './*': './*' },
  },
  ...Object.fromEntries(['jest-like', ...FRAMEWORKS, ...PEERS].map((name) => [`node_modules/${name}`, { name }])),
};

const STUBS = [
  ...['@nestjs/common', 'jest-like', ...FRAMEWORKS, ...PEERS].map((name) => `node_modules/${name}/index.js`),
  'node_modules/@nestjs/common/internal.js',
  'node_modules/@nestjs/common/deep/path.js',
];

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string; readonly severity: string };
}

interface Report {
  readonly summary: {
    readonly violations: readonly Violation[];
    readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string; readonly severity: string }[] };
  };
}

async function write(folder: string, path: string, text: string): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

function cruise(folder: string): Promise<Report> {
  const program = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, 'libs', 'apps', 'test', 'benchmarks', '--config', '.dependency-cruiser.cjs', '-T', 'json'];
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 25 }, (_error, stdout, stderr) => {
      // The exit status counts the violations, which are what this run is for; an empty report is the failure.
      if (stdout === '') fail(new Error(stderr));
      else done(JSON.parse(stdout) as Report);
    });
  });
}

describe('the arrows between the parts of the workspace', () => {
  let folder: string;
  let report: Report;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'palisade-arrows-'));
    for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'tsconfig.base.json']) {
      await copyFile(resolve(name), join(folder, name));
    }
    for (const [path, manifest] of Object.entries(MANIFESTS)) {
      await write(folder, join(path, 'package.json'), JSON.stringify({ version: '1.0.0', ...manifest }));
    }
    for (const path of STUBS) await write(folder, path, '');
    for (const [path, { lines }] of Object.entries(TREE)) await write(folder, path, `${lines.join('\n')}\n`);
    report = await cruise(folder);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(Object.entries(TREE).map(([path, file]) => ({ path, rules: file.breaks.join(', ') || 'nothing' })))(
    '$path breaks $rules',
    ({ path }) => {
      const broken = report.summary.violations.filter(({ from }) => from === path).map(({ rule }) => rule.name);
      expect([...new Set(broken)].toSorted()).toEqual(TREE[path]?.breaks.toSorted());
    },
  );

  it('has no rule that the fixture does not break', () => {
    const known = report.summary.ruleSetUsed.forbidden.map(({ name }) => name);
    const broken = new Set(report.summary.violations.map(({ rule }) => rule.name));
    expect([...broken].toSorted()).toEqual(known.toSorted());
  });

  it('fails the build on every rule', () => {
    expect(report.summary.ruleSetUsed.forbidden.filter(({ severity }) => severity !== 'error')).toEqual([]);
  });
});
