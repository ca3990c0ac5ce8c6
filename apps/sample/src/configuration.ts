import { randomBytes } from 'node:crypto';
import { SigningKey } from './auth/signing-key.js';
import type { DatabaseSettings } from './database/database.js';
import {
  parseHosts,
  parseOrigins,
  parseTrustedProxies,
  refuseUnknowableTls,
  type EdgeConfiguration,
} from './edge.configuration.js';
import { MAX_PASSWORD_LENGTH, OWASP_PASSWORD_COST, type PasswordCost } from './users/passwords.js';

/** The injection token of {@link Configuration}. */
export const CONFIGURATION = Symbol('ledger.configuration');

/** Everything Ledger takes from its environment, read and checked once. */
export interface Configuration {
  readonly production: boolean;
  readonly adapter: 'express' | 'fastify';
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly database: DatabaseSettings;
  readonly signingKey: SigningKey;
  readonly edge: EdgeConfiguration;
  /** The password of the demo users; absent in production, where they do not exist. */
  readonly demo?: { readonly password: string; readonly generated: boolean } | undefined;
  readonly passwordCost: PasswordCost;
  readonly quotas: Quotas;
  /** Where several Ledgers count together; each counts for itself without it. */
  readonly redisUrl?: string | undefined;
}

/** How much there is of what is limited, in a minute unless told. */
export interface Quotas {
  /** Requests of one address. */
  readonly requests: number;
  /** Transfers of one customer. */
  readonly transfers: number;
  /** Failed log-ins, of one address to one account, that lock it out for a quarter of an hour. */
  readonly failuresBeforeLock: number;
}

const QUOTAS: Quotas = {
  requests: 600,
  transfers: 30,
  failuresBeforeLock: 4,
};

/** Names every variable that is wrong, never its value. */
export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The environment is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigurationError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigurationError} when a variable is missing or malformed */
export function readConfiguration(environment: Environment): Configuration {
  const problems: string[] = [];
  const read = <T>(name: string, parse: (value: string | undefined) => T): T | undefined => {
    try {
      // An empty variable is one that was not set.
      return parse(environment[name] || undefined);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return undefined;
    }
  };
  const stage = read('NODE_ENV', oneOf(['development', 'test', 'production'], 'development'));
  const production = stage === 'production';
  const adapter = read('ADAPTER', oneOf(['express', 'fastify'], 'express'));
  const host = environment['HOST'] || '127.0.0.1';
  const port = read('PORT', parsePort);
  const database = read('DATABASE_URL', (url) => parseDatabase(url, environment['DATA_DIR'] || undefined));
  const signingKey = read('LEDGER_SIGNING_KEY', (pem) => parseSigningKey(pem, production));
  const demo = production ? undefined : read('DEMO_PASSWORD', parseDemoPassword);
  const hosts = read('ALLOWED_HOSTS', (value) => parseHosts(value, production));
  const origins = read('CORS_ORIGINS', (value) => parseOrigins(value, production));
  const trustedProxies = read('TRUST_PROXY', parseTrustedProxies);
  const redisUrl = read('REDIS_URL', parseRedisUrl);
  const httpsMode = read('HTTPS_MODE', oneOf(['off', 'redirect', 'reject'], production ? 'reject' : 'off'));
  if (httpsMode) read('TRUST_PROXY', (value) => refuseUnknowableTls(httpsMode, value !== undefined));
  if (!adapter || port === undefined || !database || !signingKey || !hosts || !origins || !httpsMode) {
    throw new ConfigurationError(problems);
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const edge = { hosts, origins, trustedProxies, httpsMode };
  return {
    production,
    adapter,
    host,
    port,
    database,
    signingKey,
    edge,
    demo,
    passwordCost: OWASP_PASSWORD_COST,
    quotas: QUOTAS,
    redisUrl,
  };
}

// An unknown NODE_ENV stops the start: "prod" must not bring the demo users to life (fails closed).
function oneOf<const T extends string>(known: readonly T[], fallback: T): (value: string | undefined) => T {
  return (value = fallback) => {
    const match = known.find((name) => name === value);
    if (match === undefined) throw new Error(`must be one of ${known.join(', ')}`);
    return match;
  };
}

function parsePort(value = '3000'): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) throw new Error('must be a port number from 0 to 65535');
  return Number(value);
}

function parseDatabase(url: string | undefined, directory: string | undefined): DatabaseSettings {
  if (url === undefined) return { kind: 'embedded', directory };
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol !== 'postgres:' && protocol !== 'postgresql:') {
    throw new Error('must be a URL of the form postgres://user:password@host:port/name');
  }
  return { kind: 'server', url };
}

function parseRedisUrl(url: string | undefined): string | undefined {
  const protocol = url !== undefined && URL.canParse(url) ? new URL(url).protocol : '';
  if (url !== undefined && protocol !== 'redis:' && protocol !== 'rediss:') {
    throw new Error('must be a URL of the form redis://user:password@host:port/0');
  }
  return url;
}

function parseSigningKey(pem: string | undefined, production: boolean): SigningKey {
  if (pem !== undefined) return SigningKey.fromPem(pem);
  if (production) {
    throw new Error(
      'is required in production: a private key as PKCS #8 PEM, such as `openssl genpkey -algorithm ed25519` prints',
    );
  }
  return SigningKey.generate();
}

function parseDemoPassword(value: string | undefined): Configuration['demo'] {
  if (value === undefined) return { password: randomBytes(15).toString('base64url'), generated: true };
  if (value.length > MAX_PASSWORD_LENGTH) throw new Error(`must have at most ${MAX_PASSWORD_LENGTH} characters`);
  return { password: value, generated: false };
}
