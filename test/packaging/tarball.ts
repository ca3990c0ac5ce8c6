import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { succeed } from './commands.js';

/** The path of the packed library. */
export function tarballPath(): string {
  const path = process.env['PALISADE_TARBALL'];
  if (path === undefined) throw new Error('Run by jest.packaging.config.js, which packs the library first');
  return path;
}

export interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** The packed library, unpacked: what a user gets in node_modules. */
export class UnpackedTarball {
  private constructor(
    /** The parent of `package/`, for whoever removes it. */
    readonly folder: string,
    /** Paths inside the package, with forward slashes, sorted. */
    readonly files: readonly string[],
    readonly manifest: Manifest,
  ) {}

  static async open(): Promise<UnpackedTarball> {
    const folder = await mkdtemp(join(tmpdir(), 'palisade-unpacked-'));
    await succeed('tar', ['-xzf', tarballPath(), '-C', folder], folder);
    const root = join(folder, 'package');
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .toSorted();
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
    return new UnpackedTarball(folder, files, manifest);
  }

  pathOf(file: string): string {
    return join(this.folder, 'package', file);
  }

  read(file: string): Promise<string> {
    return readFile(this.pathOf(file), 'utf8');
  }
}
