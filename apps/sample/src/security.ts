import type { CorsOptions, FirewallOptions, HttpsOptions, SecurityOptions } from '@palisade/nest';
import { AUDIENCE, ISSUER } from './auth/access-token.issuer.js';
import type { Configuration } from './configuration.js';
import type { EdgeConfiguration, HttpsMode } from './edge.configuration.js';
import type { SharedCounts } from './limits.module.js';
import { lockout, rateLimits } from './limits.js';
import { SESSION_COOKIE } from './session/session.cookie.js';

/** Where browsers post what broke a content security policy. */
export const REPORTS_PATH = '/csp-reports';

/** No request of the bank is larger, deeper or longer than this. */
const FIREWALL: FirewallOptions = {
  methods: ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'],
  target: { maxLength: 2048 },
  headers: { max: 64 },
  parameters: { max: 10, maxNameLength: 32, maxValueLength: 128, repeated: 'refuse' },
  contentTypes: ['application/json'],
  // A form with a password of 1024 characters, each of them escaped, fits in.
  bodyLimit: '16kb',
  json: { maxDepth: 4, maxKeys: 50 },
  timeouts: { headers: 10_000, request: 30_000 },
};

/** Nobody who is a customer asks for these: whoever does is out for an hour. */
const HONEYPOTS = ['/wp-login.php', '/.env', '/.git/*'];

/** What a request meets at Ledger, and who may do what; which handler asks for what is written on the handler. */
export function securityOptions(configuration: Configuration, { store }: Pick<SharedCounts, 'store'>): SecurityOptions {
  const { signingKey, edge } = configuration;
  return {
    profile: 'api',
    proxy: edge.trustedProxies === undefined ? undefined : { trust: edge.trustedProxies },
    hosts: edge.hosts,
    https: httpsOf(edge.httpsMode),
    firewall: FIREWALL,
    headers: { reporting: { path: REPORTS_PATH } },
    cors: corsOf(edge),
    rateLimit: { ...rateLimits(configuration), store },
    lockout: lockout(configuration),
    bans: { honeypots: HONEYPOTS },
    // 'always': neither may another site sign somebody in, or out.
    csrf: { apply: 'always', token: { secret: signingKey.derive('csrf') } },
    authentication: {
      jwt: {
        issuer: ISSUER,
        audience: AUDIENCE,
        algorithms: [signingKey.algorithm],
        types: ['at+jwt'],
        key: signingKey.publicKey,
        from: ['header', { cookie: SESSION_COOKIE }],
      },
    },
    authorization: {
      // An auditor stands beside the others: not even an admin sees what is for auditors.
      roles: ['admin > teller > customer', 'auditor'],
      permissions: {
        customer: ['account:read', 'transfer:create'],
        auditor: ['account:read'],
      },
    },
  };
}

/** Left out, plain connections are let through, and answers over TLS still carry HSTS. */
function httpsOf(mode: HttpsMode): HttpsOptions | undefined {
  return mode === 'off' ? undefined : { mode };
}

/** Pages of other origins bring a token in a header: the cookie is for the bank's own. */
function corsOf({ origins }: EdgeConfiguration): CorsOptions | false {
  if (origins.length === 0) return false;
  return {
    origins,
    methods: ['GET', 'HEAD', 'POST'],
    headers: ['Authorization', 'Content-Type', 'Idempotency-Key'],
    exposed: ['Idempotency-Replayed', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'WWW-Authenticate'],
  };
}
