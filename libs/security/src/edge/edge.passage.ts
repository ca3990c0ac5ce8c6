import { ANONYMOUS } from '../core/principal.js';
import { Passage } from '../core/passage.js';
import { mergeVary } from './cors/vary.js';
import { headerEntry, NO_FIELDS, type AnswerHeaders, type HeaderList } from './edge.headers.js';
import type { EdgeRoute } from './edge.route.js';
import { NO_STORE } from './headers/headers.policy.js';
import type { NoncePool } from './headers/nonce.js';
import { hostText, type ParsedHost } from './hosts/parsed-host.js';

const NOT_STORED = headerEntry('Cache-Control', NO_STORE);
const VARY = 'vary';
const VARIES = headerEntry('Vary', 'Origin');

/** The fields by which browsers judge who may call and read (Fetch Standard, "HTTP responses"). */
const CORS_KEYS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'access-control-allow-private-network',
] as const;

/** What an answer is completed with, whatever the request. */
export interface PassageRules {
  /** Whether answers to known callers are not to be stored, unless a handler says otherwise. */
  readonly storesNothingPersonal: boolean;
  /** Names of fields that give away what the application is built with; none where headers are switched off. */
  readonly withheld: readonly string[];
  readonly nonces: NoncePool;
  /** Stands for the edge among those of other applications in the process. */
  readonly edge: object;
  /** What holds for what says nothing. */
  readonly root: EdgeRoute;
  /** Told of a CORS field of the application that another one replaced; by the id of the route, where it is known. */
  readonly onForeignCors: (key: string, route: string | undefined) => void;
}

/** What the edge found out about a request, and what it adds to the answer. */
export class EdgePassage extends Passage {
  host: ParsedHost | undefined = undefined;
  /** Strict-Transport-Security, where the answer carries it. */
  hsts: HeaderList = NO_FIELDS;
  /** The CORS fields of the answer. */
  cors: HeaderList = NO_FIELDS;
  /** The id of the route that was reached; until then, `route` is a guess. */
  confirmedAs: string | undefined = undefined;
  /** Whether the edge itself answers: `cors` is then what this answer says, whichever the route. */
  isAnswering = false;
  private drawn: string | undefined = undefined;

  constructor(
    address: string | undefined,
    secure: boolean,
    /** What holds: for the route that the request will most likely reach, from the guard on for the one it reached. */
    public route: EdgeRoute,
    private readonly rules: PassageRules,
  ) {
    super(address, secure, rules.edge);
  }

  /** The nonce of the answer's content security policy. */
  get nonce(): string {
    this.drawn ??= this.rules.nonces.take();
    return this.drawn;
  }

  /** The host as an origin names it: without the default port of the scheme. */
  get hostOfOrigin(): string | undefined {
    const { host, secure } = this;
    if (host === undefined) return undefined;
    return host.port === (secure ? 443 : 80) ? host.name : hostText(host);
  }

  private get isSomebodys(): boolean {
    return this.isPersonal || (this.admission !== undefined && this.admission.principal !== ANONYMOUS);
  }

  /** Called once, when the head of the answer is written. */
  complete(headers: AnswerHeaders, status: number): void {
    // Another application answers, and says it for this one as well.
    if (!this.isInCharge) return;
    this.completeOwn(headers, status);
    let isCorsSaid = this.saysCors;
    for (let { outer } = this as Passage; outer !== undefined; outer = outer.outer) {
      if (!(outer instanceof EdgePassage)) continue;
      outer.completeBehind(headers);
      // CORS is for the application below to say, if it says it.
      if (isCorsSaid) continue;
      outer.completeCors(headers, status);
      isCorsSaid = outer.saysCors;
    }
  }

  private get saysCors(): boolean {
    return this.route.cors !== undefined || this.rules.root.cors !== undefined;
  }

  /** What the answer of an application below this one does not say. */
  private completeBehind(headers: AnswerHeaders): void {
    const { rules, hsts } = this;
    for (const entry of rules.root.headers.list) headers.addBehind(entry);
    for (const entry of hsts) headers.addBehind(entry);
    for (const entry of this.fields) headers.addBehind(entry);
    for (const entry of this.standingFields?.(this.standings) ?? NO_FIELDS) headers.addBehind(entry);
    for (const policy of rules.root.nonced) headers.addBehind(headerEntry(policy.name, policy.value(this.nonce)));
    if (rules.storesNothingPersonal && this.isSomebodys) headers.addBehind(NOT_STORED);
    for (const key of rules.withheld) headers.remove(key);
  }

  private completeOwn(headers: AnswerHeaders, status: number): void {
    const { route, rules, hsts } = this;
    // What another part of the application answers is not the guessed route's to open: to scripts, or to other origins.
    const isConfirmed = this.confirmedAs !== undefined;
    const policies = isConfirmed ? route : rules.root;
    headers.addAll(policies.headers);
    for (let i = 0; i < hsts.length; i++) headers.add(hsts[i] as HeaderList[number]);
    this.completeCors(headers, status);
    const { fields, standings, standingFields } = this;
    for (let i = 0; i < fields.length; i++) headers.add(fields[i] as HeaderList[number]);
    if (standingFields !== undefined) {
      const told = standingFields(standings);
      for (let i = 0; i < told.length; i++) headers.add(told[i] as HeaderList[number]);
    }
    for (const policy of policies.nonced) headers.add(headerEntry(policy.name, policy.value(this.nonce)));
    if (rules.storesNothingPersonal && this.isSomebodys) headers.add(NOT_STORED);
    if (route.cors?.varies === true) {
      const existing = headers.get(VARY);
      if (existing === undefined) {
        headers.add(VARIES);
      } else {
        const merged = mergeVary(existing, VARIES.value);
        if (merged !== existing) headers.replace(headerEntry(VARIES.name, merged));
      }
    }
    // A preflight, or a middleware under the same path, has logged nobody out.
    if (route.clearSiteData !== undefined && isConfirmed && this.secure && status < 400) {
      headers.add(headerEntry('Clear-Site-Data', route.clearSiteData));
    }
    for (const key of rules.withheld) headers.remove(key);
  }

  /** Whatever else the application has set of CORS, by a middleware, a plugin or a handler, would only widen it. */
  private completeCors(headers: AnswerHeaders, status: number): void {
    const { route, rules } = this;
    if (!this.saysCors) return;
    const holds = this.confirmedAs !== undefined || this.isAnswering || status >= 400 || route.cors === rules.root.cors;
    const cors = holds ? this.cors : NO_FIELDS;
    if (headers.hasAny(CORS_KEYS)) {
      for (const key of CORS_KEYS) {
        const value = headers.get(key);
        if (value === undefined) continue;
        if (!isSaidBy(cors, key, value)) this.rules.onForeignCors(key, this.confirmedAs);
        headers.remove(key);
      }
    }
    for (let i = 0; i < cors.length; i++) headers.add(cors[i] as HeaderList[number]);
  }
}

function isSaidBy(cors: HeaderList, key: string, value: unknown): boolean {
  return cors.some((field) => field.key === key && field.value === value);
}
