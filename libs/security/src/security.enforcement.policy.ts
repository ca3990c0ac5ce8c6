/** A guard in front of a handler, by the part of the library that it runs: a guard of the application runs none. */
export type GuardPart = 'SecurityGuard' | 'AuthenticationGuard' | 'AuthorizationGuard' | 'RateLimitGuard';

/** The rules of one handler in the words they are declared with, by the part of the guard that enforces them. */
export interface RulesInForce {
  /** False where credentials are looked at: the order of the guards matters then. */
  readonly isPublic: boolean;
  readonly ofAuthentication: readonly string[];
  readonly ofAuthorization: readonly string[];
  /** Limits that are asked before anybody is authenticated. */
  readonly byAddress: readonly string[];
  /** Limits that are asked once the caller is known. */
  readonly byPrincipal: readonly string[];
}

/** A rule that the guards of a handler do not enforce. */
export interface Unenforced {
  readonly problem: string;
  readonly fix: string;
}

/** Positions of the guards that run each part; -1 where none does. */
interface Order {
  readonly authentication: number;
  readonly authorization: number;
  readonly firstLimits: number;
  readonly lastLimits: number;
}

const USE_SECURITY_GUARD = 'Write @UseGuards(SecurityGuard), which enforces every rule in its order';

/** Lists the rules of a handler that its guards, in the order in which they run, do not enforce. */
export function unenforced(rules: RulesInForce, guards: readonly GuardPart[]): readonly Unenforced[] {
  const order = orderOf(guards);
  const limits = [...new Set([...rules.byAddress, ...rules.byPrincipal])];
  const missing = [
    ...(order.authentication === -1 ? rules.ofAuthentication : []),
    ...(order.authorization === -1 ? rules.ofAuthorization : []),
    ...(order.firstLimits === -1 ? limits : []),
  ];
  return [
    ...(missing.length === 0 ? [] : [{ problem: problemOf(missing, guards), fix: fixOf(missing, limits, order) }]),
    ...(rules.isPublic ? [] : misplaced(rules, order)),
  ];
}

/** True for guards that let nobody in: authorization is asked, and nobody was authenticated before. */
export function admitsNobody(guards: readonly GuardPart[]): boolean {
  const { authentication, authorization } = orderOf(guards);
  return authorization !== -1 && (authentication === -1 || authorization < authentication);
}

/** True where no guard asks who calls. */
export function asksNobody(guards: readonly GuardPart[]): boolean {
  const { authentication, authorization } = orderOf(guards);
  return authentication === -1 && authorization === -1;
}

/** True where some guard finds out who calls. */
export function authenticates(guards: readonly GuardPart[]): boolean {
  return orderOf(guards).authentication !== -1;
}

/** True where limits are asked both before and after the caller is known, by guards of their own. */
export function limitsTwice(guards: readonly GuardPart[]): boolean {
  const { authentication, firstLimits, lastLimits } = orderOf(guards);
  return firstLimits !== -1 && firstLimits < authentication && authentication <= lastLimits;
}

function orderOf(guards: readonly GuardPart[]): Order {
  const runs = (part: GuardPart) => (guard: GuardPart) => guard === 'SecurityGuard' || guard === part;
  return {
    authentication: guards.findIndex(runs('AuthenticationGuard')),
    authorization: guards.findIndex(runs('AuthorizationGuard')),
    firstLimits: guards.findIndex(runs('RateLimitGuard')),
    lastLimits: guards.findLastIndex(runs('RateLimitGuard')),
  };
}

/** Rules that a guard enforces at the wrong time. */
function misplaced(rules: RulesInForce, order: Order): readonly Unenforced[] {
  const { authentication, authorization, firstLimits, lastLimits } = order;
  const found: Unenforced[] = [];
  const isAsked = authentication !== -1 || rules.ofAuthentication.length + rules.ofAuthorization.length > 0;
  if (authorization !== -1 && isAsked && (authentication === -1 || authorization < authentication)) {
    found.push({
      problem: 'is denied to everybody: AuthorizationGuard runs and no AuthenticationGuard runs before it',
      fix: 'Write @UseGuards(AuthenticationGuard, AuthorizationGuard) in this order, or @UseGuards(SecurityGuard)',
    });
  }
  if (authentication === -1 || firstLimits === -1) return found;
  if (rules.byPrincipal.length > 0 && lastLimits < authentication) {
    found.push({
      problem: `${listed(rules.byPrincipal)} would not count by caller: RateLimitGuard runs before anybody is authenticated`,
      fix: USE_SECURITY_GUARD,
    });
  }
  if (rules.byAddress.length > 0 && firstLimits > authentication) {
    found.push({
      problem: `${listed(rules.byAddress)} would not count requests with wrong credentials: RateLimitGuard runs after AuthenticationGuard`,
      fix: USE_SECURITY_GUARD,
    });
  }
  return found;
}

function problemOf(missing: readonly string[], guards: readonly GuardPart[]): string {
  const inFront = [...new Set(guards)];
  const reason =
    inFront.length === 0
      ? 'no guard of the package is in front of the handler'
      : `${listed(inFront)} ${inFront.length === 1 ? 'does' : 'do'} not enforce ${missing.length === 1 ? 'it' : 'them'}`;
  return `${listed(missing)} would not be enforced: the global guard is switched off, and ${reason}`;
}

/** Limits alone do not make a handler ask who calls. */
function fixOf(missing: readonly string[], limits: readonly string[], { authentication }: Order): string {
  const isOpen = authentication === -1 && missing.every((rule) => limits.includes(rule));
  return isOpen
    ? 'Write @UseGuards(RateLimitGuard), or @UseGuards(SecurityGuard) to ask who calls'
    : USE_SECURITY_GUARD;
}

function listed(names: readonly string[]): string {
  return names.join(' and ');
}
