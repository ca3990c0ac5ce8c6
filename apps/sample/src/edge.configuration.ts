import { defineSecurity, SecurityConfigurationError, type SecurityOptions } from '@palisade/nest';

/** What becomes of requests that came without TLS. */
export type HttpsMode = 'off' | 'redirect' | 'reject';

/** Where the bank stands in the network: who it is, who stands in front of it, and whose pages may call it. */
export interface EdgeConfiguration {
  readonly hosts: readonly string[];
  /** Origins whose pages may call; none without an entry. */
  readonly origins: readonly string[];
  /** The number of proxies in front, or their addresses and ranges; `undefined` where there are none. */
  readonly trustedProxies: number | readonly string[] | undefined;
  readonly httpsMode: HttpsMode;
}

const HOSTS_OF_DEVELOPMENT = ['localhost', '127.0.0.1', '[::1]'];

/** @throws {Error} that says what is wrong with `ALLOWED_HOSTS` */
export function parseHosts(value: string | undefined, production: boolean): readonly string[] {
  if (value === undefined) {
    if (production) throw new Error('is required in production: the names that the bank is reached by, with commas');
    return HOSTS_OF_DEVELOPMENT;
  }
  const hosts = listOf(value);
  refuseWrong({ hosts });
  return hosts;
}

/** @throws {Error} that says what is wrong with `CORS_ORIGINS` */
export function parseOrigins(value: string | undefined, production: boolean): readonly string[] {
  if (value === undefined) return [];
  const origins = listOf(value);
  refuseWrong({ cors: { origins } });
  // Whoever sits on the network can write what such a page does with the token it was given.
  const plain = origins.findIndex((origin) => !origin.startsWith('https://'));
  if (production && plain !== -1) throw new Error(`number ${plain + 1} must begin with https:// in production`);
  return origins;
}

/** @throws {Error} that says what is wrong with `TRUST_PROXY` */
export function parseTrustedProxies(value: string | undefined): EdgeConfiguration['trustedProxies'] {
  if (value === undefined) return undefined;
  const trust = /^\d+$/.test(value) ? Number(value) : listOf(value);
  refuseWrong({ proxy: { trust } });
  return trust;
}

/**
 * Holds the mode against what else is known: Ledger speaks no TLS itself, so that without a proxy to say who came over
 * it, nobody would be let in or everybody be redirected for ever.
 *
 * @throws {Error} that says what `TRUST_PROXY` lacks
 */
export function refuseUnknowableTls(mode: HttpsMode, trustsProxies: boolean): void {
  if (mode === 'off' || trustsProxies) return;
  throw new Error(`is required while HTTPS_MODE is ${mode}: only a proxy can tell that a client came over TLS`);
}

function listOf(value: string): readonly string[] {
  return value.split(',').map((entry) => entry.trim());
}

/** The library knows best what it will refuse; asked here, the message can name the variable. */
function refuseWrong(options: SecurityOptions): void {
  try {
    defineSecurity(options);
  } catch (error) {
    const problem = error instanceof SecurityConfigurationError ? error.problems[0] : undefined;
    if (problem === undefined) throw error;
    const index = /\[(\d+)\]$/.exec(problem.where)?.[1];
    const entry = index === undefined ? '' : `number ${Number(index) + 1} `;
    throw new Error(`${entry}${problem.problem}. ${problem.fix}`, { cause: error });
  }
}
