import type { ConfigurationProblem } from '../core/errors.js';
import { describe } from '../core/options.rules.js';
import { isOrigin } from './cors/cors.origins.js';

export type OriginProblem = Omit<ConfigurationProblem, 'where'>;

export const LIST_ORIGINS = "Write a list: ['https://app.example.com']";

/** Schemes that no page of an application comes from, and whose pages have the origin `null`. */
const PAGELESS = /^(?:file|data|blob|about|javascript|ftp):/;

/**
 * Returns what keeps a value from being one origin, as browsers write it (RFC 6454, section 6.2): the one grammar of
 * every option that takes origins. Schemes of applications (`capacitor://localhost`) are origins as any other.
 */
export function exactOriginProblem(origin: unknown): OriginProblem | undefined {
  if (typeof origin !== 'string') {
    return { problem: `must be text or a regular expression, not ${describe(origin)}`, fix: LIST_ORIGINS };
  }
  if (origin.trim().toLowerCase() === 'null') {
    return {
      problem: 'is null, the origin that any page can take by way of a sandboxed frame',
      fix: 'Leave it out; serve the page that needs it from an origin of its own',
    };
  }
  return isWrittenByBrowsers(origin) ? socketProblem(origin) : misspelt(origin);
}

/** True for the one form in which a browser writes an origin. */
export function isWrittenByBrowsers(origin: string): boolean {
  if (!isOrigin(origin) || PAGELESS.test(origin)) return false;
  return !/^https?:/.test(origin) || (URL.canParse(origin) && new URL(origin).origin === origin);
}

/** Browsers name the page, which is never at a WebSocket's address. */
function socketProblem(origin: string): OriginProblem | undefined {
  if (!/^wss?:/.test(origin)) return undefined;
  return {
    problem: 'is the address of a WebSocket, which no page comes from',
    fix: `Write '${origin.replace(/^ws/, 'http')}'`,
  };
}

function misspelt(origin: string): OriginProblem {
  const spelt = spellingOf(origin);
  return {
    problem: 'is not written as browsers write an origin, and could never match',
    fix:
      spelt === undefined ? `${LIST_ORIGINS}: scheme, host, and port where it is not the default` : `Write '${spelt}'`,
  };
}

/** The origin that was meant, without what does not belong to it: user name, path, default port. */
export function spellingOf(origin: string): string | undefined {
  const text = origin.trim();
  if (/[\s,;]/.test(text)) return undefined;
  const address = text.includes('://') ? text : `${/^(localhost|127\.)/.test(text) ? 'http' : 'https'}://${text}`;
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  const port = url.port === '' ? '' : `:${url.port}`;
  const spelt = `${url.protocol}//${url.hostname.toLowerCase().replace(/\.$/, '')}${port}`;
  return isWrittenByBrowsers(spelt) && !/^wss?:/.test(spelt) ? spelt : undefined;
}
