import type { ConfigurationProblem } from '../core/errors.js';
import type { Profile } from '../core/profile.js';
import { isRecord } from '../core/options.rules.js';
import { checkProxyOptions, type ProxyOptions } from './client-address/proxy.options.js';
import { checkCorsOptions, type CorsOptions } from './cors/cors.options.js';
import { checkCsrfOptions, type CsrfOptions } from './csrf/csrf.options.js';
import { checkFirewallOptions, type FirewallOptions } from './firewall/firewall.options.js';
import { checkHeadersOptions, type HeadersOptions } from './headers/headers.options.js';
import { checkHostsOptions, type HostsOptions } from './hosts/hosts.options.js';
import { checkHttpsOptions, type HttpsOptions } from './https/https.options.js';

/** What a request meets before it is routed. */
export interface EdgeOptions {
  /**
   * Which defaults hold for HTTPS, headers and CSRF: those of an API, or those of a site with pages.
   * @default 'api'
   */
  profile?: Profile | undefined;
  /**
   * The proxies whose word on the client's address, scheme and host counts.
   * @default nobody's
   */
  proxy?: ProxyOptions | undefined;
  /**
   * The hosts that the application is served under; a request for any other is answered with 400.
   * @default any well-formed host
   */
  hosts?: HostsOptions | undefined;
  /**
   * What becomes of requests without TLS, and HSTS.
   * @default they are let through; answers over TLS carry HSTS. `false` leaves HSTS out as well
   */
  https?: HttpsOptions | false | undefined;
  /**
   * Which requests are well-formed, and how large they may be.
   * @default see {@link FirewallOptions}; `false` switches it off
   */
  firewall?: FirewallOptions | false | undefined;
  /**
   * The security headers of every answer.
   * @default by profile; `false` sends none
   */
  headers?: HeadersOptions | false | undefined;
  /**
   * Says which other origins may call from a browser, whatever else in the application says it as well; `false` for none.
   * @default nothing is added: fields and preflights are the application's own
   */
  cors?: CorsOptions | false | undefined;
  /**
   * Protection against requests that another site makes the caller's browser send.
   * @default on, for credentials that browsers send by themselves
   */
  csrf?: CsrfOptions | false | undefined;
}

const PARTS = [
  ['proxy', checkProxyOptions],
  ['hosts', checkHostsOptions],
  ['firewall', checkFirewallOptions],
  ['headers', checkHeadersOptions],
  ['cors', checkCorsOptions],
  ['csrf', checkCsrfOptions],
] as const;

/** The parts that `false` switches off; to have no list of hosts, or no proxy, is to leave them out. */
const SWITCHES: ReadonlySet<string> = new Set(['https', 'firewall', 'headers', 'cors', 'csrf']);

/** Adds what is wrong with the options of the edge to `problems`. */
export function checkEdgeOptions(options: Readonly<Record<string, unknown>>, problems: ConfigurationProblem[]): void {
  const { profile, https, hosts } = options;
  if (profile !== undefined && profile !== 'api' && profile !== 'web') {
    problems.push({ where: 'profile', problem: 'is neither of the two there are', fix: "Use 'api' or 'web'" });
  }
  for (const [name, check] of PARTS) {
    const part = options[name];
    if (part === undefined || (part === false && SWITCHES.has(name))) continue;
    check(part, name, problems);
  }
  if (https !== undefined && https !== false) {
    const hasHosts = Array.isArray(hosts) || (isRecord(hosts) && hosts['enforcement'] !== 'report');
    checkHttpsOptions(https, 'https', problems, { hasHosts, profile: profile === 'web' ? 'web' : 'api' });
  }
}

/** What weakens the edge, in words for the log; what is left out counts in production only. */
export function edgeWarnings(options: EdgeOptions, isProduction: boolean): readonly string[] {
  const { firewall, headers, csrf, hosts, https, cors } = options;
  const csp = headers === false || headers === undefined ? undefined : headers.contentSecurityPolicy;
  const off = Object.entries({ firewall, headers, csrf }).filter(([, part]) => part === false);
  const recording = Object.entries({ hosts, https, firewall, cors, csrf }).filter(
    ([, part]) => isRecord(part) && part['enforcement'] === 'report',
  );
  const allowed = firewall === false || firewall === undefined ? [] : (firewall.dangerouslyAllow ?? []);
  const scripts = csp === false || csp === undefined ? [] : (csp.dangerouslyAllowScripts ?? []);
  return [
    ...off.map(([name]) => `${name} is switched off`),
    ...recording.map(([name]) => `${name} only records what it would deny`),
    ...allowed.map((allowance) => `firewall.dangerouslyAllow has "${allowance}"`),
    ...scripts.map((source) => `headers.contentSecurityPolicy.dangerouslyAllowScripts has "${source}"`),
    ...(csp !== false && csp?.dangerouslyWithoutDefaultSrc === true
      ? ['headers.contentSecurityPolicy.dangerouslyWithoutDefaultSrc is switched on']
      : []),
    ...(isProduction && hosts === undefined ? ['hosts is left out: a request may name any host'] : []),
    ...(isProduction && https === undefined ? ['https is left out: requests without TLS are answered'] : []),
  ];
}
