import { ALLOWED, denied, type Decision, type Denied } from '../../core/decision.js';
import { isToken, withoutBlanks } from '../../core/http-grammar.js';
import type { Enforcement } from '../../core/profile.js';
import type { EdgeRequest } from '../edge.request.js';
import {
  ALL_METHODS,
  CORS_DEFAULTS,
  SAFELISTED_HEADERS,
  type AllowedOrigin,
  type CorsOptions,
  type OriginLookupOptions,
} from './cors.options.js';
import { isOrigin, OriginList } from './cors.origins.js';
import { ResolvedOrigins, type OriginResolver, type ResolverFailure } from './origin-resolver.js';

/** A header field of an answer. */
export type HeaderField = readonly [name: string, value: string];

/** What the policy takes from the application. */
export interface CorsRuntime {
  /** Milliseconds, as the application's `Clock` gives them. */
  readonly now: () => number;
  /** Holds where the options do not say. */
  readonly enforcement?: Enforcement | undefined;
  /** Told when a resolver gives no answer that counts; nothing of the request is given. Must not throw. */
  readonly resolverFailed?: ((failure: ResolverFailure) => void) | undefined;
}

/** What a preflight says (Fetch Standard, "CORS-preflight request"); header values as they came. */
export interface CorsPreflight {
  readonly origin: string;
  readonly method: string;
  readonly headers: string | undefined;
  readonly privateNetwork: string | undefined;
}

/** The whole answer to a preflight: no handler is asked. */
export interface CorsPreflightAnswer {
  /** Denied under `'report'` as well: that is what is published. */
  readonly decision: Decision;
  readonly status: 204 | 403;
  readonly fields: readonly HeaderField[];
}

/** The CORS rules of a route, compiled. */
export interface CorsPolicy {
  /** False for `cors: false`: nothing is answered or published for the sake of CORS, and preflights are refused. */
  readonly enabled: boolean;
  readonly enforcement: Enforcement;
  /** Whether every answer of the route says `Vary: Origin`, those without an `Origin` and those refused included. */
  readonly varies: boolean;
  /**
   * What every answer of the route says, with an `Origin` and without. Not empty for `'*'` alone: an answer that a cache
   * keeps is then good for everyone (Fetch Standard, "CORS protocol and HTTP caches").
   */
  readonly always: readonly HeaderField[];
  /** Whether the origin may call; a promise, which never rejects, only while a resolver is asked. */
  allows(origin: string): boolean | Promise<boolean>;
  /** True if the origin is known to be allowed; no function of the application is asked. */
  isKnown(origin: string): boolean;
  /** What the answer to an ordinary request says besides, errors included; `allowed` is what `allows` answered. */
  answer(origin: string, allowed: boolean): readonly HeaderField[];
  preflight(preflight: CorsPreflight, allowed: boolean): CorsPreflightAnswer;
}

const NO_FIELDS: readonly HeaderField[] = Object.freeze([]);

const VARY = field(
  'Vary',
  'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network',
);
const ONLY_VARY: readonly HeaderField[] = Object.freeze([VARY]);
const ANY_ORIGIN = field('Access-Control-Allow-Origin', '*');
const CREDENTIALS = field('Access-Control-Allow-Credentials', 'true');
const PRIVATE_NETWORK = field('Access-Control-Allow-Private-Network', 'true');

const ORIGIN_REFUSED = denied('cors_origin_refused');
const METHOD_REFUSED = denied('cors_method_refused');
const HEADER_REFUSED = denied('cors_header_refused');
const PRIVATE_NETWORK_REFUSED = denied('cors_private_network_refused');

/** Characters of `Access-Control-Request-Headers`, names in it, and characters of a method, that are read at most. */
const LONGEST_HEADER_LIST = 4_096;
const MOST_HEADERS = 64;
const LONGEST_METHOD = 64;

/** Compiles options that were checked. `false` is the policy of a route that no other origin may call. */
export function compileCors(options: CorsOptions | false, runtime: CorsRuntime): CorsPolicy {
  return options === false ? NO_CORS : new CompiledCors(options, runtime);
}

/**
 * The preflight that a request is, or `undefined`: `OPTIONS` with both `Origin` and `Access-Control-Request-Method`.
 * Any other `OPTIONS` is the application's.
 */
export function preflightOf({ method, headers }: EdgeRequest): CorsPreflight | undefined {
  if (method !== 'OPTIONS') return undefined;
  const { origin } = headers;
  const requested = single(headers['access-control-request-method']);
  if (origin === undefined || requested === undefined) return undefined;
  return {
    origin,
    method: requested,
    headers: single(headers['access-control-request-headers']),
    privateNetwork: single(headers['access-control-request-private-network']),
  };
}

/** Node joins lines of one name; where something else made a list of them, no value is right (fails closed). */
function single(value: string | readonly string[] | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : ',';
}

const NO_CORS: CorsPolicy = Object.freeze({
  enabled: false,
  enforcement: 'enforce',
  varies: false,
  always: NO_FIELDS,
  allows: () => false,
  isKnown: () => false,
  answer: () => NO_FIELDS,
  preflight: () => REFUSED_ANSWERS.origin,
} as const);

const REFUSED_ANSWERS = {
  origin: refusal(ORIGIN_REFUSED),
  method: refusal(METHOD_REFUSED),
  header: refusal(HEADER_REFUSED),
  privateNetwork: refusal(PRIVATE_NETWORK_REFUSED),
};

class CompiledCors implements CorsPolicy {
  readonly enabled = true;
  readonly enforcement: Enforcement;
  readonly varies: boolean;
  readonly always: readonly HeaderField[];
  readonly allows: (origin: string) => boolean | Promise<boolean>;
  readonly isKnown: (origin: string) => boolean;

  private readonly isPrivateNetworkOpen: boolean;
  private readonly methods: ReadonlySet<string>;
  /** Names in lower case; undefined where any may be sent. */
  private readonly headers: ReadonlySet<string> | undefined;
  private readonly allowMethods: HeaderField;
  private readonly allowHeaders: HeaderField;
  private readonly maxAge: HeaderField;
  private readonly credentials: readonly HeaderField[];
  private readonly exposed: readonly HeaderField[];

  constructor(options: CorsOptions, runtime: CorsRuntime) {
    const { origins, methods = CORS_DEFAULTS.methods, headers = CORS_DEFAULTS.headers } = options;
    const { exposed = CORS_DEFAULTS.exposed, maxAge = CORS_DEFAULTS.maxAge } = options;
    const names = headers === '*' ? undefined : distinct([...SAFELISTED_HEADERS, ...headers]);
    const allowed = methods === '*' ? ALL_METHODS : [...new Set(methods)];
    this.enforcement = options.enforcement ?? runtime.enforcement ?? CORS_DEFAULTS.enforcement;
    const test = originTest(origins, runtime);
    this.allows = test.allows;
    this.isKnown = test.isKnown;
    this.methods = new Set(allowed);
    this.headers = names && new Set(names.map((name) => name.toLowerCase()));
    this.allowMethods = field('Access-Control-Allow-Methods', allowed.join(', '));
    this.allowHeaders = field('Access-Control-Allow-Headers', (names ?? SAFELISTED_HEADERS).join(', '));
    this.maxAge = field('Access-Control-Max-Age', String(maxAge));
    this.isPrivateNetworkOpen = options.privateNetwork ?? CORS_DEFAULTS.privateNetwork;
    this.credentials = (options.credentials ?? CORS_DEFAULTS.credentials) ? [CREDENTIALS] : NO_FIELDS;
    this.exposed =
      exposed.length === 0 ? NO_FIELDS : [field('Access-Control-Expose-Headers', distinct(exposed).join(', '))];
    this.varies = origins !== '*';
    this.always = this.varies ? NO_FIELDS : Object.freeze([ANY_ORIGIN, ...this.exposed]);
  }

  answer(origin: string, allowed: boolean): readonly HeaderField[] {
    if (!this.varies) return this.always;
    if (allowed) return [field('Access-Control-Allow-Origin', origin), ...this.credentials, ...this.exposed];
    // Under 'report' a refused origin reads what it could read with '*', never with credentials. What is no origin
    // gets nothing: neither "null" nor garbage is ever repeated in an answer (fails closed).
    if (this.enforcement === 'enforce' || !isOrigin(origin)) return NO_FIELDS;
    return [field('Access-Control-Allow-Origin', origin), ...this.exposed];
  }

  preflight(preflight: CorsPreflight, allowed: boolean): CorsPreflightAnswer {
    const refused = this.refusalOf(preflight, allowed);
    if (refused !== undefined)
      return this.enforcement === 'enforce' ? refused : this.report(preflight, allowed, refused);
    const fields = [VARY, ...this.originFields(preflight.origin, true), this.allowMethods];
    fields.push(this.headers === undefined ? mirrored(preflight.headers, this.allowHeaders) : this.allowHeaders);
    if (preflight.privateNetwork !== undefined) fields.push(PRIVATE_NETWORK);
    fields.push(this.maxAge);
    return { decision: ALLOWED, status: 204, fields };
  }

  private refusalOf(preflight: CorsPreflight, allowed: boolean): CorsPreflightAnswer | undefined {
    if (!allowed) return REFUSED_ANSWERS.origin;
    if (!this.methods.has(preflight.method)) return REFUSED_ANSWERS.method;
    if (!areHeadersAllowed(preflight.headers, this.headers)) return REFUSED_ANSWERS.header;
    const { privateNetwork } = preflight;
    // A value other than the one that browsers send is malformed (fails closed).
    if (privateNetwork !== undefined && (privateNetwork !== 'true' || !this.isPrivateNetworkOpen)) {
      return REFUSED_ANSWERS.privateNetwork;
    }
    return undefined;
  }

  /**
   * Lets the browser go on with what would have been refused, for as long as no answer is kept. Malformed requests get
   * no leave, and a private network stays closed: that is more than this application's to open.
   */
  private report(preflight: CorsPreflight, allowed: boolean, refused: CorsPreflightAnswer): CorsPreflightAnswer {
    const { decision } = refused;
    const { origin, method, headers } = preflight;
    const isWellFormed =
      (!this.varies || isOrigin(origin)) && isMethod(method) && areHeadersAllowed(headers, undefined);
    if (!isWellFormed) return { decision, status: 204, fields: ONLY_VARY };
    const fields = [
      VARY,
      ...this.originFields(origin, allowed),
      field('Access-Control-Allow-Methods', method),
      mirrored(headers, this.allowHeaders),
      field('Access-Control-Max-Age', '0'),
    ];
    return { decision, status: 204, fields };
  }

  private originFields(origin: string, allowed: boolean): readonly HeaderField[] {
    if (!this.varies) return [ANY_ORIGIN];
    const allowOrigin = field('Access-Control-Allow-Origin', origin);
    return allowed ? [allowOrigin, ...this.credentials] : [allowOrigin];
  }
}

/** One form for every way to name origins. */
type OriginTest = Pick<CorsPolicy, 'allows' | 'isKnown'>;

function originTest(origins: CorsOptions['origins'], runtime: CorsRuntime): OriginTest {
  if (origins === '*') return { allows: () => true, isKnown: () => true };
  if (typeof origins === 'function') return resolved({ resolve: origins }, runtime);
  if (isList(origins)) return listed(origins);
  return resolved(origins, runtime);
}

function listed(origins: readonly AllowedOrigin[]): OriginTest {
  const list = new OriginList(origins);
  const allows = (origin: string): boolean => list.allows(origin);
  return { allows, isKnown: allows };
}

function resolved(options: OriginLookupOptions, runtime: CorsRuntime): OriginTest {
  const { resolve, always = [], timeout = CORS_DEFAULTS.timeout } = options;
  const { max = CORS_DEFAULTS.cache.max, ttl = CORS_DEFAULTS.cache.ttl } = options.cache ?? {};
  const list = new OriginList(always);
  const bounds = { max, ttl: ttl * 1000, timeout: timeout * 1000 };
  const asked = new ResolvedOrigins(bound(resolve, options), bounds, runtime.now, runtime.resolverFailed ?? ignore);
  return {
    allows: (origin) => list.allows(origin) || (isOrigin(origin) && asked.allows(origin)),
    isKnown: (origin) => list.allows(origin) || asked.isRemembered(origin),
  };
}

/** A resolver written as a method keeps its object. */
function bound(resolve: OriginResolver, options: OriginLookupOptions): OriginResolver {
  return (origin) => resolve.call(options, origin);
}

function ignore(): void {}

function isList(origins: readonly AllowedOrigin[] | OriginLookupOptions): origins is readonly AllowedOrigin[] {
  return Array.isArray(origins);
}

/**
 * Whether a list of header names (RFC 9110, section 5.6.1) is well-formed, short, and holds only allowed names, which
 * are in lower case; all names are allowed where `allowed` is undefined.
 */
function areHeadersAllowed(list: string | undefined, allowed: ReadonlySet<string> | undefined): boolean {
  if (list === undefined || list === '') return true;
  if (list.length > LONGEST_HEADER_LIST) return false;
  let count = 0;
  for (let from = 0; from <= list.length;) {
    const comma = list.indexOf(',', from);
    const to = comma < 0 ? list.length : comma;
    const name = withoutBlanks(list, from, to);
    if (++count > MOST_HEADERS || !isToken(name)) return false;
    if (allowed !== undefined && !allowed.has(name) && !allowed.has(name.toLowerCase())) return false;
    from = to + 1;
  }
  return true;
}

/** What was asked for, which is known to hold nothing but names, or the names that are always allowed. */
function mirrored(headers: string | undefined, otherwise: HeaderField): HeaderField {
  return headers === undefined || headers === '' ? otherwise : field('Access-Control-Allow-Headers', headers);
}

function isMethod(method: string): boolean {
  return method.length <= LONGEST_METHOD && isToken(method);
}

/** The first spelling of each name. */
function distinct(names: readonly string[]): string[] {
  const known = new Map<string, string>();
  for (const name of names) if (!known.has(name.toLowerCase())) known.set(name.toLowerCase(), name);
  return [...known.values()];
}

function refusal(decision: Denied): CorsPreflightAnswer {
  return Object.freeze({ decision, status: 403, fields: ONLY_VARY });
}

function field(name: string, value: string): HeaderField {
  return [name, value];
}
