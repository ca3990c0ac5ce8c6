import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What the server is called; Valkey's will do, as it speaks the same protocol. */
const PROGRAMS = ['redis-server', 'valkey-server'];

const INSTALL = 'apt-get install redis-server';

/** Where the server is; `undefined` where none is on the PATH. */
export const REDIS_SERVER = onPath(PROGRAMS);

/** Called once before the tests with Redis: without a server they are skipped, and in CI nothing passes. */
// oxlint-disable-next-line import/no-default-export -- Jest calls the default export
export default function requireRedis(): void {
  if (REDIS_SERVER !== undefined) return;
  if (process.env['CI'] === 'true') throw new Error(`The tests with Redis need its server: ${INSTALL}`);
  process.stderr.write(`The tests with Redis are skipped, as redis-server is not on the PATH: ${INSTALL}\n`);
}

// As in test/browser/chromium.ts: what Jest calls before the tests can import no file of the project.
function onPath(programs: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
