import { pathOf } from '../../core/request-target.js';

/** Whether a request target is one of the paths: in any letter case, with or without a slash at the end. */
export function compileHoneypots(paths: readonly string[]): (target: string | undefined) => boolean {
  if (paths.length === 0) return () => false;
  const exact = new Set(paths.filter((path) => !path.endsWith('/*')).map((path) => path.toLowerCase()));
  const below = paths.filter((path) => path.endsWith('/*')).map((path) => path.slice(0, -1).toLowerCase());
  return (target) => {
    const path = pathOf(target).toLowerCase();
    return exact.has(withoutSlash(path)) || below.some((prefix) => path.startsWith(prefix));
  };
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
