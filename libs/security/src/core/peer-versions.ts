import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ownFolder } from './copies.js';
import { SecurityConfigurationError } from './errors.js';
import { wrongPeers, type InstalledPeer } from './peer-versions.policy.js';

interface Manifest {
  readonly version?: unknown;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

let problems: ReturnType<typeof wrongPeers> | undefined;

/**
 * Stops the start over packages in versions that the library is not written for: npm lets whoever insists install them
 * (`--legacy-peer-deps`), and what then fails names something else. What cannot be found out, as in a bundle, is taken for
 * right.
 *
 * @throws SecurityConfigurationError when a peer has a version outside of its range
 */
export function checkPeerVersions(): void {
  problems ??= wrongPeers(installedPeers());
  if (problems.length > 0) throw new SecurityConfigurationError(problems);
}

function installedPeers(): readonly InstalledPeer[] {
  const folder = ownFolder();
  const own = folder === undefined ? undefined : manifestAt(`${folder}/package.json`);
  if (own?.peerDependencies === undefined) return [];
  const require = createRequire(`${folder}/package.json`);
  return Object.entries(own.peerDependencies).flatMap(([name, range]) => {
    const version = versionOf(name, require);
    return version === undefined ? [] : [{ name, version, range }];
  });
}

/** Resolved as the library's own imports are. Not there: optional, or packed into a bundle. */
function versionOf(name: string, require: NodeJS.Require): string | undefined {
  try {
    const version = manifestAt(require.resolve(`${name}/package.json`))?.version;
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

function manifestAt(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}
