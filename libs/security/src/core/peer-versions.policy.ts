import type { ConfigurationProblem } from './errors.js';

/** A package that the library is built on, as it is installed. */
export interface InstalledPeer {
  readonly name: string;
  /** As its `package.json` says: `12.5.1`. */
  readonly version: string;
  /** As `peerDependencies` of the library says: `^11.0.0 || ^12.0.0`. */
  readonly range: string;
}

/** Names the packages whose version is not one that the library is written for, with the command that mends it. */
export function wrongPeers(peers: readonly InstalledPeer[]): readonly ConfigurationProblem[] {
  return peers
    .filter(({ version, range }) => !range.split('||').some((part) => isWithin(version, part.trim())))
    .map(({ name, version, range }) => ({
      where: name,
      problem: `is installed in version ${version}, and @palisade/nest works with ${range}`,
      fix: `Run: npm install ${name}@"${range.split('||').at(-1)?.trim()}"`,
    }));
}

/**
 * Tells whether a version is within a caret range: the leftmost number that is not 0 stays the same, and the others are
 * not smaller. Of anything else nobody can tell, and it is taken for right. A prerelease counts as its release.
 */
function isWithin(version: string, caret: string): boolean {
  const least = numbersOf(/^\^(\d+\.\d+\.\d+)$/.exec(caret)?.[1]);
  const actual = numbersOf(/^(\d+\.\d+\.\d+)/.exec(version)?.[1]);
  if (least === undefined || actual === undefined) return true;
  const fixed = least.findIndex((number) => number !== 0);
  const firstOther = actual.findIndex((number, index) => number !== least[index]);
  if (firstOther === -1) return true;
  return firstOther > fixed && (actual[firstOther] as number) > (least[firstOther] as number);
}

function numbersOf(version: string | undefined): readonly number[] | undefined {
  return version?.split('.').map(Number);
}
