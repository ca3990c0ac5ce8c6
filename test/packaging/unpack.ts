import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Removes the tarball of {@link pack}. */
// oxlint-disable-next-line import/no-default-export -- Jest calls the default export
export default async function unpack(): Promise<void> {
  const tarball = process.env['PALISADE_TARBALL'];
  if (tarball !== undefined) await rm(dirname(tarball), { recursive: true, force: true });
}
