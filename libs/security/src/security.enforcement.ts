import type { Declaration } from './core/declarations.js';
import type { ConfigurationProblem } from './core/errors.js';
import type { ExploredHandler } from './core/route-explorer.js';
import type { DeclarationLayer } from './core/route-policy.compiler.js';
import type { RoutePolicy } from './core/route-policy.js';
import type { LimitSteps } from './rate-limiting/limit-steps.js';
import {
  admitsNobody,
  asksNobody,
  authenticates,
  limitsTwice,
  unenforced,
  type RulesInForce,
} from './security.enforcement.policy.js';
import type { GuardsInFront, GuardsOfHandler } from './security.guards-in-front.js';
import type { SecurityOptions } from './security.options.js';

/** A handler with its rules, of which it is asked what enforces them. */
export interface RuledHandler {
  readonly policy: RoutePolicy;
  readonly handler: ExploredHandler;
  /** The declarations around it, those of its module included, nearest first. */
  readonly layers: readonly DeclarationLayer[];
  readonly limits: LimitSteps;
}

/**
 * Knows what enforces the rules of handlers where the global guard is switched off and each has guards of its own. A rule
 * that nothing enforces stops the start.
 */
export class GuardsOfHandlers {
  private readonly known = new Map<RoutePolicy, GuardsOfHandler>();
  private readonly open: string[] = [];
  private readonly leftToOthers: string[] = [];
  private readonly closed: string[] = [];

  constructor(
    handlers: readonly RuledHandler[],
    guards: GuardsInFront,
    private readonly options: SecurityOptions,
    problems: ConfigurationProblem[],
  ) {
    for (const each of handlers) {
      const { policy, handler } = each;
      const inFront = guards.of(policy.controller, handler.replacement ?? handler.handler);
      this.known.set(policy, inFront);
      if (isEntry(each)) this.look(each, inFront, problems);
    }
  }

  /** True where a guard of the handler finds out who calls. */
  authenticate(policy: RoutePolicy): boolean {
    return authenticates(this.partsOf(policy));
  }

  /** True where a guard of the package asks who calls, or denies whoever is not known. */
  askWhoCalls(policy: RoutePolicy): boolean {
    return !asksNobody(this.partsOf(policy));
  }

  /** True where limits are asked in two steps, by two guards. */
  limitTwice(policy: RoutePolicy): boolean {
    return limitsTwice(this.partsOf(policy));
  }

  /** Says what is open without the global guard, and what is closed by mistake. */
  get warnings(): readonly string[] {
    const { open, leftToOthers, closed } = this;
    const off = 'The global guard is switched off';
    return [
      ...(open.length + leftToOthers.length === 0
        ? [`${off}: each handler is @Public() or has a guard of the package`]
        : []),
      ...(open.length === 0 ? [] : [`${off}: ${told(open, 'open to anybody, as no guard asks who calls')}`]),
      ...(leftToOthers.length === 0
        ? []
        : [
            `${off}: ${told(leftToOthers, 'left to guards of the application, as no guard of the package asks who calls')}`,
          ]),
      ...(closed.length === 0
        ? []
        : [
            `${told(closed, 'denied to everybody, as AuthorizationGuard runs and no AuthenticationGuard before it')}. ` +
              'Write @UseGuards(AuthenticationGuard, AuthorizationGuard), or @UseGuards(SecurityGuard)',
          ]),
    ];
  }

  private look(each: RuledHandler, { parts, others }: GuardsOfHandler, problems: ConfigurationProblem[]): void {
    const { id, access } = each.policy;
    const rules = rulesOf(each, this.options);
    for (const { problem, fix } of unenforced(rules, parts)) problems.push({ where: id, problem, fix });
    if (access === 'public') return;
    if (admitsNobody(parts)) this.closed.push(id);
    if (!asksNobody(parts)) return;
    if (others.length === 0) this.open.push(id);
    else this.leftToOthers.push(`${id} (${others.join(', ')})`);
  }

  private partsOf(policy: RoutePolicy): GuardsOfHandler['parts'] {
    return this.known.get(policy)?.parts ?? [];
  }
}

/** Methods of controllers that nothing calls are no handlers, whatever their class says. */
function isEntry({ handler: { isCalled }, layers }: RuledHandler): boolean {
  return isCalled || layers.some(({ level }) => level === 'handler');
}

/** The rules that hold for a handler, in the words that they were declared with. */
function rulesOf({ policy, layers, limits }: RuledHandler, options: SecurityOptions): RulesInForce {
  const nearest = (kind: Declaration['kind']) => declared(layers, kind);
  const { roles, permissions, scopes, policies, access, declaredAt } = policy;
  const isPublic = access === 'public';
  const ofLimits = limitsOf(policy, layers, options);
  return {
    isPublic,
    ofAuthentication: !isPublic && declaredAt.access !== undefined ? nearest('access') : [],
    ofAuthorization: [
      ...(roles === undefined ? [] : nearest('roles')),
      ...(permissions === undefined ? [] : nearest('permissions')),
      ...(scopes === undefined ? [] : nearest('scopes')),
      ...(policies.length === 0 ? [] : nearest('policies')),
      ...(access === 'denied' ? ["authorization.fallback: 'deny'"] : []),
    ],
    byAddress: limits.limitAddress === undefined ? [] : ofLimits,
    byPrincipal: limits.limitPrincipal === undefined ? [] : ofLimits,
  };
}

/** What stands nearest of one kind; an exemption that a requirement beats is not the rule in force. */
function declared(layers: readonly DeclarationLayer[], kind: Declaration['kind']): readonly string[] {
  for (const { declarations } of layers) {
    const rules = declarations.filter(
      (rule) => rule.kind === kind && !(rule.kind === 'access' && rule.access === 'public'),
    );
    if (rules.length > 0) return rules.map(({ decorator }) => decorator);
  }
  return [];
}

function limitsOf(
  { rateLimits, concurrencyLimits }: RoutePolicy,
  layers: readonly DeclarationLayer[],
  { rateLimit }: SecurityOptions,
): readonly string[] {
  const own = [
    ...(rateLimits.limits === undefined ? [] : declared(layers, 'rateLimit')),
    ...(concurrencyLimits === undefined ? [] : declared(layers, 'concurrencyLimit')),
  ];
  if (rateLimit === undefined || rateLimits.skipped === true) return own;
  if (Array.isArray(rateLimit)) return [...own, 'rateLimit'];
  const { global = [], throttlers = [], default: unsaid = [] } = rateLimit;
  return [
    ...own,
    ...(rateLimits.limits === undefined && unsaid.length > 0 ? ['rateLimit.default'] : []),
    ...(global.length > 0 ? ['rateLimit.global'] : []),
    ...(throttlers.length > 0 ? ['rateLimit.throttlers'] : []),
  ];
}

const SHOWN = 30;

/** How many handlers something is true of, with their names; a long list is cut, and says how much of it is missing. */
function told(names: readonly string[], truth: string): string {
  const shown = names.slice(0, SHOWN).join(', ');
  const rest = names.length > SHOWN ? `, and ${names.length - SHOWN} more` : '';
  return `${names.length} ${names.length === 1 ? 'handler is' : 'handlers are'} ${truth}: ${shown}${rest}`;
}
