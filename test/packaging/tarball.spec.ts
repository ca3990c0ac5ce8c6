import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { posix, resolve } from 'node:path';
import ts from 'typescript';
import { run } from './commands.js';
import { FRAMEWORK_OF_THE_CONSUMERS, OPTIONAL_PEERS } from './optional-peers.js';
import { tarballPath, UnpackedTarball } from './tarball.js';

const ROOT_ENTRY = ['dist/index.js', 'dist/index.d.ts'];
const ADAPTERS = ['redis', 'graphql'];
const ENTRIES = [
  ...ROOT_ENTRY,
  ...ADAPTERS.flatMap((name) => [`dist/adapters/${name}/index.js`, `dist/adapters/${name}/index.d.ts`]),
];

let tarball: UnpackedTarball;

beforeAll(async () => {
  tarball = await UnpackedTarball.open();
});

afterAll(() => rm(tarball.folder, { recursive: true, force: true }));

async function importsOf(file: string): Promise<readonly string[]> {
  return ts.preProcessFile(await tarball.read(file), true, true).importedFiles.map(({ fileName }) => fileName);
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

/** The file that a relative import of `file` names: the types beside the code, for a declaration file. */
function fileOf(specifier: string, file: string): string {
  const path = posix.join(posix.dirname(file), specifier);
  return file.endsWith('.d.ts') ? path.replace(/\.js$/, '.d.ts') : path;
}

/** Every file that is loaded, and every package that is asked for, when `entry` is imported. */
async function reachedFrom(entry: string): Promise<{ files: ReadonlySet<string>; packages: ReadonlySet<string> }> {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const specifier of await importsOf(file)) {
      if (specifier.startsWith('.')) files.add(fileOf(specifier, file));
      else packages.add(specifier.startsWith('node:') ? specifier : packageOf(specifier));
    }
  }
  return { files, packages };
}

describe('the files of the tarball', () => {
  it('are the compiled code, its types, and the papers', () => {
    const allowed = /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/[\w./-]+\.(?:js|d\.ts))$/;
    expect(tarball.files.filter((file) => !allowed.test(file))).toEqual([]);
  });

  it.each(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', ...ENTRIES])('hold %s', (file) => {
    expect(tarball.files).toContain(file);
  });

  it('hold no test, and nothing else that no entry reaches', async () => {
    const reached = new Set<string>();
    for (const entry of Object.values(tarball.manifest.exports)) {
      if (typeof entry === 'string') continue;
      for (const path of [entry.types, entry.default]) {
        for (const file of (await reachedFrom(posix.normalize(path))).files) reached.add(file);
      }
    }
    // A module of types alone is reached by other types, and its code is empty.
    const modules = tarball.files.filter((file) => file.endsWith('.js'));
    expect(modules.filter((file) => !reached.has(file) && !reached.has(file.replace(/\.js$/, '.d.ts')))).toEqual([]);
  });

  it('hold types for every module', () => {
    const modules = tarball.files.filter((file) => file.endsWith('.js'));
    expect(
      modules.map((file) => file.replace(/\.js$/, '.d.ts')).filter((file) => !tarball.files.includes(file)),
    ).toEqual([]);
  });

  it('hold what the manifest exports', () => {
    const exported = Object.values(tarball.manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    );
    expect(exported.filter((path) => !tarball.files.includes(posix.normalize(path)))).toEqual([]);
  });
});

describe.each(ENTRIES)('what %s reaches', (entry) => {
  it('is in the tarball', async () => {
    const { files } = await reachedFrom(entry);
    expect([...files].filter((file) => !tarball.files.includes(file))).toEqual([]);
  });

  it('is declared as a dependency or as a peer that is not optional', async () => {
    const { dependencies, peerDependencies, peerDependenciesMeta = {} } = tarball.manifest;
    const declared = new Set([
      ...Object.keys(dependencies),
      ...Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true),
      ...builtinModules.map((name) => `node:${name}`),
    ]);
    const { packages } = await reachedFrom(entry);
    expect([...packages].filter((name) => !declared.has(name))).toEqual([]);
  });

  it('is no optional peer', async () => {
    const { packages } = await reachedFrom(entry);
    expect([...OPTIONAL_PEERS, ...FRAMEWORK_OF_THE_CONSUMERS].filter((name) => packages.has(name))).toEqual([]);
  });
});

describe.each(ENTRIES.filter((entry) => entry.endsWith('.d.ts')))('the types of %s', (types) => {
  it('document every exported name', () => {
    const program = ts.createProgram([tarball.pathOf(types)], {
      module: ts.ModuleKind.NodeNext,
      types: [],
    });
    const checker = program.getTypeChecker();
    const source = program.getSourceFile(tarball.pathOf(types));
    const entry = source && checker.getSymbolAtLocation(source);
    const names = (entry === undefined ? [] : checker.getExportsOfModule(entry)).map((symbol) =>
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    );
    expect(names).not.toEqual([]);
    const bare = names.filter((symbol) => symbol.getDocumentationComment(checker).length === 0);
    expect(bare.map((symbol) => symbol.getName())).toEqual([]);
  });
});

describe('the manifest and the entries', () => {
  it('pass publint', async () => {
    const program = resolve('node_modules/publint/src/cli.js');
    const { status, stdout, stderr } = await run(process.execPath, [program, '--strict', tarballPath()], { cwd: '.' });
    expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
  });

  it('pass attw for ES modules', async () => {
    const program = resolve('node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [program, tarballPath(), '--profile', 'esm-only', '--no-emoji'];
    const { status, stdout, stderr } = await run(process.execPath, args, { cwd: '.' });
    expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
  });
});
