import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What Debian's Chromium, and browsers that are close to it, are called. */
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

const INSTALL = 'apt-get install chromium';

/** Where the browser is; `undefined` where none is on the PATH. */
export const CHROMIUM = onPath(PROGRAMS);

/** Called once before the browser tests: without a browser they are skipped, and in CI nothing passes. */
// oxlint-disable-next-line import/no-default-export -- Jest calls the default export
export default function requireChromium(): void {
  if (CHROMIUM !== undefined) return;
  if (process.env['CI'] === 'true') throw new Error(`The browser tests need Chromium: ${INSTALL}`);
  process.stderr.write(`The browser tests are skipped, as Chromium is not on the PATH: ${INSTALL}\n`);
}

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
