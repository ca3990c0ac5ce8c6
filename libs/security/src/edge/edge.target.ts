import type { IncomingMessage } from 'node:http';
import { denied, type Denied } from '../core/decision.js';
import { normalizedPath } from '../core/request-target.js';
import type { EdgePassage } from './edge.passage.js';

const BODY_TOO_LARGE = denied('body_too_large');

/** Express, and what imitates it, takes the path off `url` under which an application is mounted. */
interface Mounted extends IncomingMessage {
  readonly originalUrl?: string | undefined;
}

/** The target as the client sent it, for whoever sends the client there again. */
export function sentTarget({ originalUrl, url }: Mounted): string {
  return originalUrl ?? url ?? '/';
}

/** Whether a path is meant, by the name that clients know it by, or by the one below the mount. */
export function isSentTo({ originalUrl, url }: Mounted, path: string | undefined): boolean {
  return normalizedPath(url) === path || (originalUrl !== undefined && normalizedPath(originalUrl) === path);
}

/**
 * Denies a body that an application in front has read under a larger limit, and whose length nobody declared
 * (fails closed).
 */
export function wasReadBefore(request: IncomingMessage, { outer, route }: EdgePassage): Denied | undefined {
  if (outer === undefined || !request.readableDidRead || request.headers['content-length'] !== undefined)
    return undefined;
  const { body } = (outer as Partial<EdgePassage>).route ?? {};
  return body !== undefined && body.limit <= route.body.limit ? undefined : BODY_TOO_LARGE;
}
