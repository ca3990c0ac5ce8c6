import { afterAll } from '@jest/globals';

/** Of a machine that does other things as well, six at once on each of its cores: milliseconds. */
export const SLACK = 20_000;

/** Collects lines that are printed when the tests of this file are over. */
export function printedFindings(): string[] {
  const lines: string[] = [];
  afterAll(() => {
    process.stdout.write(`${lines.join('\n')}\n`);
  });
  return lines;
}
