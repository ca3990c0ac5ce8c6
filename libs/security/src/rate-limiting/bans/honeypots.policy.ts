import { lowerCased } from '../../core/http-grammar.js';
import { normalizedPath, normalizedRule } from '../../core/request-target.js';

const BELOW = '/*';

/** Compiles a test whether a request target is one of the paths: in any spelling, with or without a slash at the end. */
export function compileHoneypots(paths: readonly string[]): (target: string | undefined) => boolean {
  if (paths.length === 0) return () => false;
  const exact = new Set(paths.filter((path) => !path.endsWith(BELOW)).map(normalizedHoneypot));
  const below = paths.filter((path) => path.endsWith(BELOW)).map((path) => `${normalizedHoneypot(path.slice(0, -2))}/`);
  return (target) => {
    const path = lowerCased(normalizedPath(target));
    return exact.has(withoutSlash(path)) || below.some((prefix) => path.startsWith(prefix));
  };
}

/** Returns the one form of the path of a honeypot, without the star. */
export function normalizedHoneypot(path: string): string {
  return lowerCased(normalizedRule(path));
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
