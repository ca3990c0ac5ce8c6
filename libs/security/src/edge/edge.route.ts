import type { EdgePart } from '../core/declarations.js';
import type { ConfigurationProblem } from '../core/errors.js';
import type { Profile } from '../core/profile.js';
import type { RoutePolicy } from '../core/route-policy.js';
import { checkCorsOptions, type CorsOptions } from './cors/cors.options.js';
import { compileCors, type CorsPolicy, type CorsRuntime } from './cors/cors.policy.js';
import type { EdgeOptions } from './edge.options.js';
import { headerBlock, headerList, type HeaderBlock } from './edge.headers.js';
import { checkBodyLimit, checkContentTypes } from './firewall/firewall.decorators.js';
import { compileContentTypes } from './firewall/content-type.policy.js';
import { compileBodyRules, type BodyRules, type Firewall } from './firewall/firewall.policy.js';
import { checkClearSiteData, clearSiteDataValue, type ClearSiteDataType } from './headers/clear-site-data.js';
import { CSP_HEADERS, type CompiledCsp, type ContentSecurityPolicyOptions } from './headers/content-security-policy.js';
import { checkRouteCsp } from './headers/headers.options.js';
import { compileHeaders, compileRouteCsp, type CompiledHeaders } from './headers/headers.policy.js';

/** What holds at the edge for a route, compiled from what it says for itself over what holds for all. */
export interface EdgeRoute {
  /** `undefined` where nothing was said of other origins: fields and preflights are then the application's own. */
  readonly cors: CorsPolicy | undefined;
  readonly allowHttp: boolean;
  readonly csrfExempt: boolean;
  readonly body: BodyRules;
  /** What every answer carries. */
  readonly headers: HeaderBlock;
  /** Policies that need a nonce. */
  readonly nonced: readonly CompiledCsp[];
  readonly clearSiteData: string | undefined;
}

type Parts = RoutePolicy['edge'];

/** The parts that have to be known before the request is routed. */
const EARLY: readonly EdgePart[] = ['cors', 'allowHttp', 'bodyLimit'];

/** Without a firewall, only what a route says of its bodies holds. */
const UNLIMITED: BodyRules = Object.freeze({
  limit: Number.POSITIVE_INFINITY,
  contentType: compileContentTypes('any'),
});

/** Compiles what routes say; equal words make the same object, so that it can be told which routes are alike. */
export class EdgeRoutes {
  readonly root: EdgeRoute;
  readonly headers: CompiledHeaders | undefined;
  private readonly compiled = new Map<string, EdgeRoute>();
  private readonly words = new Map<unknown, string>();
  private readonly numbers = new Map<object, number>();
  private readonly policies = new Map<string, CorsPolicy>();
  private readonly profile: Profile;

  constructor(
    private readonly options: EdgeOptions,
    firewall: Firewall | undefined,
    private readonly corsRuntime: CorsRuntime,
  ) {
    this.profile = options.profile ?? 'api';
    this.headers = options.headers === false ? undefined : compileHeaders(options.headers, this.profile);
    const { constants = [], csp, cspReportOnly } = this.headers ?? {};
    this.root = Object.freeze({
      cors: options.cors === undefined ? undefined : this.corsOf(options.cors),
      allowHttp: false,
      csrfExempt: false,
      body: firewall?.body ?? UNLIMITED,
      headers: headerBlock(headerList(constants)),
      nonced: [csp, cspReportOnly].filter((policy) => policy !== undefined),
      clearSiteData: undefined,
    });
  }

  /** True for what has to be known before routing. */
  static isEarly(parts: Parts): boolean {
    return EARLY.some((part) => parts[part] !== undefined);
  }

  /** The limits of bodies that routes have so far. */
  get bodyLimits(): readonly number[] {
    return [this.root, ...this.compiled.values()].map(({ body }) => body.limit);
  }

  /** Adds what is wrong with what a route says to `problems`. */
  check(parts: Parts, where: string, problems: ConfigurationProblem[]): void {
    if (parts.cors !== undefined && parts.cors !== false) checkCorsOptions(parts.cors, `@Cors of ${where}`, problems);
    if (parts.bodyLimit !== undefined) checkBodyLimit(parts.bodyLimit, where, problems);
    if (parts.contentTypes !== undefined) checkContentTypes(parts.contentTypes, where, problems);
    if (parts.clearSiteData !== undefined) checkClearSiteData(parts.clearSiteData, where, problems);
    if (parts.csp !== undefined && parts.csp !== false) {
      checkRouteCsp(parts.csp, where, problems, this.options.headers === false ? undefined : this.options.headers);
    }
  }

  /** What holds for a route whose words have been checked. */
  compile(parts: Parts): EdgeRoute {
    const entries = Object.entries(parts);
    if (entries.length === 0) return this.root;
    const key = entries
      .map(([part, value]) => `${part} ${this.wordOf(value)}`)
      .toSorted()
      .join();
    const known = this.compiled.get(key) ?? Object.freeze(this.make(parts));
    this.compiled.set(key, known);
    return known;
  }

  /**
   * What may be taken for granted before routing where either of two routes may be reached. What they differ in is as if
   * neither had said it (fails closed), but for bodies: the larger may pass, and the guard holds the other to its own.
   */
  readonly combine = (one: EdgeRoute, other: EdgeRoute): EdgeRoute => {
    if (one === other) return one;
    const cors = one.cors === other.cors ? one.cors : this.root.cors;
    const allowHttp = one.allowHttp && other.allowHttp;
    const body = one.body.limit >= other.body.limit ? one.body : other.body;
    if (cors === one.cors && allowHttp === one.allowHttp && body === one.body) return one;
    return { ...this.root, cors, allowHttp, body };
  };

  private make(parts: Parts): EdgeRoute {
    const { root } = this;
    const declaresBody = parts.bodyLimit !== undefined || parts.contentTypes !== undefined;
    return {
      cors: parts.cors === undefined ? root.cors : this.corsOf(parts.cors as CorsOptions | false),
      allowHttp: parts.allowHttp === true,
      csrfExempt: parts.csrfExempt === true,
      body: declaresBody ? this.bodyOf(parts) : root.body,
      ...this.policiesOf(parts),
      clearSiteData:
        parts.clearSiteData === undefined
          ? undefined
          : clearSiteDataValue(parts.clearSiteData as readonly ClearSiteDataType[]),
    };
  }

  private bodyOf({ bodyLimit, contentTypes }: Parts): BodyRules {
    const declared = {
      bodyLimit: bodyLimit as number | string | undefined,
      contentTypes: contentTypes as readonly string[] | undefined,
    };
    return compileBodyRules(declared, this.root.body);
  }

  private policiesOf({ csp }: Parts): Pick<EdgeRoute, 'headers' | 'nonced'> {
    const { root } = this;
    if (csp === undefined || this.headers === undefined) return { headers: root.headers, nonced: root.nonced };
    const compiled = compileRouteCsp(
      csp as ContentSecurityPolicyOptions | false,
      this.options.headers === false ? undefined : this.options.headers,
      this.profile,
    );
    const others = root.headers.list.filter(({ name }) => !(CSP_HEADERS as readonly string[]).includes(name));
    if (compiled === 'off') return { headers: headerBlock(others), nonced: [] };
    if (compiled.needsNonce) return { headers: headerBlock(others), nonced: [compiled] };
    const constant = headerList([[compiled.name, compiled.value('')]]);
    return { headers: headerBlock([...others, ...constant]), nonced: [] };
  }

  /** One policy for equal options: routes share its sets and caches. */
  private corsOf(options: CorsOptions | false): CorsPolicy {
    const word = this.wordOf(options);
    const policy = this.policies.get(word) ?? compileCors(options, this.corsRuntime);
    this.policies.set(word, policy);
    return policy;
  }

  /** Equal texts for equal values; functions and expressions are equal to themselves alone. */
  private wordOf(value: unknown): string {
    const known = this.words.get(value);
    if (known !== undefined) return known;
    const word = JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'function') return `function ${this.numberOf(part)}`;
      return part instanceof RegExp ? `expression ${String(part)}` : part;
    });
    this.words.set(value, word);
    return word;
  }

  private numberOf(part: object): number {
    const number = this.numbers.get(part) ?? this.numbers.size;
    this.numbers.set(part, number);
    return number;
  }
}
