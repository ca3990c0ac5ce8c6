import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** Packs the library once for all the specs; they read the tarball's path from the environment. */
// oxlint-disable-next-line import/no-default-export -- Jest calls the default export
export default async function pack(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'palisade-tarball-'));
  const args = ['pack', '--json', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: resolve('libs/security') });
  const [packed] = JSON.parse(stdout) as readonly { readonly filename: string }[];
  if (packed === undefined) throw new Error('npm pack made no tarball');
  process.env['PALISADE_TARBALL'] = join(folder, packed.filename);
}
