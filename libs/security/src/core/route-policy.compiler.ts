import type { Type } from '@nestjs/common';
import { ONE_COPY } from './copies.js';
import { namesOf, requirementProblem, type Declaration, type EdgePart } from './declarations.js';
import type { ConfigurationProblem } from './errors.js';
import { nearestName } from './options.rules.js';
import type {
  Access,
  DeclarationLevel,
  DeclaredRateLimits,
  HandlerFunction,
  Requirement,
  RoutePolicy,
  RoutePriority,
} from './route-policy.js';

/** The rules declared in one place; layers are ordered from the handler outwards. */
export interface DeclarationLayer {
  readonly level: DeclarationLevel;
  /** The place, for messages: `AccountsController.list`, `AccountsController`, `SecurityModule.forFeature`. */
  readonly where: string;
  readonly declarations: readonly Declaration[];
  /**
   * Its requirements hold and its exemptions do not: a method that the handler overrides, a base class of the class
   * that has the method, rules that came along with a copied function.
   */
  readonly requirementsOnly?: boolean;
}

export interface RouteDeclarations {
  readonly id: string;
  readonly controller: Type;
  readonly handler: HandlerFunction;
  readonly layers: readonly DeclarationLayer[];
}

/** What the application knows, to check names against. */
export interface KnownNames {
  readonly roles: ReadonlySet<string>;
  /** The schemes that can be named; `has` also knows the Passport strategies that are registered but not listed. */
  readonly schemes: {
    readonly names: readonly string[];
    has(name: string): boolean;
    /** Explains why there is none of that name. */
    whyMissing?(name: string): { readonly problem: string; readonly fix: string };
  };
  /** The schemes tried where none is named. */
  readonly defaultSchemes: readonly string[];
  readonly fallback: 'authenticated' | 'deny';
}

type Kind = Declaration['kind'];
type Declared<K extends Kind> = Extract<Declaration, { kind: K }>;

const REQUIREMENTS = ['roles', 'permissions', 'scopes', 'policies'] as const;
const OF_IDENTITY = ['roles', 'permissions', 'scopes'] as const;

/**
 * Turns the rules declared around a handler into its frozen policy.
 *
 * Of one kind, the nearest rule replaces those further out; different kinds add up. A requirement nearer than
 * `@Public` or `@OptionalAuth` beats it; on the same level they contradict each other and the start is refused.
 */
export function compileRoutePolicy(
  route: RouteDeclarations,
  known: KnownNames,
  problems: ConfigurationProblem[],
): RoutePolicy {
  for (const layer of route.layers) checkLayer(layer, known, problems);
  const layers = route.layers.map(withoutInheritedExemption);
  const access = nearest(layers, 'access');
  const exempt = access !== undefined && access.rule.access !== 'authenticated' ? access : undefined;
  const beaten = exempt !== undefined && layers.slice(0, exempt.index).some(hasRequirement);
  const effective = exempt === undefined || beaten ? layers : cutBehind(layers, exempt);

  const roles = nearest(effective, 'roles');
  const permissions = nearest(effective, 'permissions');
  const scopes = nearest(effective, 'scopes');
  const policies = nearest(effective, 'policies');
  const required = roles ?? permissions ?? scopes ?? policies;
  // An exemption that is beaten is as if it were not there: what stands further out about schemes holds again.
  const entry = beaten ? nearest(layers.map(withoutExemption), 'access') : access;
  const declared: Access | undefined = beaten ? 'authenticated' : entry?.rule.access;
  const resolved: Access =
    declared ?? (required !== undefined || known.fallback === 'authenticated' ? 'authenticated' : 'denied');

  const rateLimits = rateLimitsOf(layers);
  const concurrency = nearest(layers, 'concurrencyLimit');
  const priority = nearest(layers, 'priority');

  return Object.freeze({
    id: route.id,
    controller: route.controller,
    handler: route.handler,
    access: resolved,
    schemes: resolved === 'public' ? NO_SCHEMES : schemesOf(entry?.rule, known),
    roles: roles && freezeRequirement(roles.rule.requirement),
    permissions: permissions && freezeRequirement(permissions.rule.requirement),
    scopes: scopes && Object.freeze([...scopes.rule.scopes]),
    policies: Object.freeze(policies === undefined ? [] : allPolicies(policies.layer)),
    edge: edgePartsOf(layers),
    rateLimits: rateLimits.declared,
    concurrencyLimits: concurrency && frozenList(concurrency.rule.limits),
    priority: priority?.rule.priority,
    declaredAt: levelsOf({
      access: entry?.layer,
      roles: roles?.layer,
      permissions: permissions?.layer,
      scopes: scopes?.layer,
      policies: policies?.layer,
      rateLimits: rateLimits.layer,
      concurrencyLimits: concurrency?.layer,
      priority: priority?.layer,
    }),
  });
}

function checkLayer(
  { where, declarations }: DeclarationLayer,
  known: KnownNames,
  problems: ConfigurationProblem[],
): void {
  const report = (problem: string, fix: string) => problems.push({ where, problem, fix });
  if (declarations.length > 1) checkTogether(declarations, report);
  for (const rule of declarations) {
    if (isKnown(rule)) checkNames(rule, known, report);
    else report(`${rule.decorator} is of another version of @palisade/nest, and cannot be read`, ONE_COPY);
  }
}

const KINDS: Readonly<Record<Kind, true>> = {
  access: true,
  roles: true,
  permissions: true,
  scopes: true,
  policies: true,
  edge: true,
  rateLimit: true,
  skipRateLimit: true,
  concurrencyLimit: true,
  priority: true,
};

const PARTS: Readonly<Record<EdgePart, true>> = {
  cors: true,
  csp: true,
  bodyLimit: true,
  contentTypes: true,
  clearSiteData: true,
  allowHttp: true,
  csrfExempt: true,
};

/** A second copy of the package may be of a version with rules that this one knows nothing of. */
function isKnown(rule: Declaration): boolean {
  return Object.hasOwn(KINDS, rule.kind) && (rule.kind !== 'edge' || Object.hasOwn(PARTS, rule.part));
}

function checkTogether(declarations: readonly Declaration[], report: (problem: string, fix: string) => void): void {
  const of = <K extends Kind>(kind: K) => declarations.filter((rule): rule is Declared<K> => rule.kind === kind);

  for (const kind of ['access', ...OF_IDENTITY, 'priority'] as const) {
    const rules = of(kind);
    if (rules.length > 1) {
      report(`${listed(rules)} contradict each other`, 'Keep one of them');
    }
  }
  const parts = new Set<EdgePart>();
  for (const { part, decorator } of of('edge')) {
    if (parts.has(part)) report(`${decorator} is given twice`, 'Keep one of them');
    parts.add(part);
  }
  for (const kind of ['rateLimit', 'skipRateLimit', 'concurrencyLimit'] as const) {
    const rules = of(kind);
    if (rules.length > 1) report(`${listed(rules)} are given together`, 'Name all the limits in one of them');
  }
  const limits = of('rateLimit');
  const asked = new Set(limits.flatMap((rule) => rule.limits));
  const skipped = of('skipRateLimit').filter(
    ({ names }) => names.length === 0 || names.some((name) => asked.has(name)),
  );
  if (limits.length > 0 && skipped.length > 0) {
    report(
      `${listed([...limits, ...skipped])} contradict each other`,
      'Name what does not hold: @SkipRateLimit("anonymous")',
    );
  }
  const access = of('access')[0];
  if (access !== undefined && access.access !== 'authenticated') {
    const kinds = access.access === 'public' ? REQUIREMENTS : OF_IDENTITY;
    const contradicting = kinds.flatMap((kind) => of(kind));
    if (contradicting.length > 0) {
      const whom = access.access === 'public' ? 'nobody is identified' : 'an anonymous caller has none';
      report(
        `${access.decorator} and ${listed(contradicting)} contradict each other: ${whom}`,
        `Remove ${access.decorator}, or the requirement`,
      );
    }
  }
}

function checkNames(rule: Declaration, known: KnownNames, report: (problem: string, fix: string) => void): void {
  // It would take the place of the default limits, and leave none.
  if (rule.kind === 'rateLimit' && rule.limits.length === 0) {
    report(`${rule.decorator} names no limit`, 'Name one, or say @SkipRateLimit()');
  }
  if (rule.kind === 'edge' || rule.kind === 'concurrencyLimit') return;
  if (rule.kind === 'rateLimit' || rule.kind === 'skipRateLimit') return;
  if (rule.kind === 'priority') {
    if (PRIORITIES.includes(rule.priority)) return;
    report(
      `${rule.decorator} names no priority`,
      suggestion(rule.priority, PRIORITIES) ?? `Use ${PRIORITIES.join(', ')}`,
    );
    return;
  }
  if (rule.kind === 'access') {
    if (rule.access === 'public') return;
    for (const scheme of rule.schemes) {
      if (!known.schemes.has(scheme)) {
        const missing = known.schemes.whyMissing?.(scheme);
        report(
          `${rule.decorator} names the scheme "${scheme}", which is not configured${missing === undefined ? '' : `: ${missing.problem}`}`,
          suggestion(scheme, known.schemes.names) ??
            missing?.fix ??
            'Configure it in authentication, or add a Passport strategy of that name to the providers of a module',
        );
      }
    }
    return;
  }
  if (rule.kind === 'policies') {
    if (rule.policies.length === 0) report('@Policy() names no policy', 'Name one, or remove the decorator');
    for (const policy of rule.policies) {
      if (typeof policy !== 'function') {
        report(
          '@Policy names something that is neither a class nor a function',
          'A circular import leaves a class undefined: move the policy into a file of its own',
        );
      }
    }
    return;
  }
  const problem = requirementProblem(rule.kind === 'scopes' ? { all: rule.scopes } : rule.requirement);
  if (problem !== undefined) {
    report(`${rule.decorator} ${problem}`, 'Name at least one, or remove the decorator');
    return;
  }
  const names = rule.kind === 'scopes' ? rule.scopes : namesOf(rule.requirement);
  if (rule.kind === 'roles') {
    for (const role of names) {
      if (!known.roles.has(role)) {
        report(
          `${rule.decorator} names the role "${role}", which is not declared`,
          suggestion(role, known.roles) ?? 'Declare it in authorization.roles',
        );
      }
    }
  }
  if (rule.kind === 'scopes') {
    for (const scope of names) {
      if (!SCOPE.test(scope)) {
        report(
          `${rule.decorator} names a scope that no token can carry`,
          'Use the characters of RFC 6749, section 3.3',
        );
      }
    }
  }
}

const PRIORITIES: readonly RoutePriority[] = ['critical', 'high', 'normal', 'low'];

// RFC 6749, section 3.3. What is allowed here is also safe inside a quoted challenge parameter.
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

function suggestion(name: string, candidates: Iterable<string>): string | undefined {
  const nearestOne = nearestName(name, candidates);
  return nearestOne === undefined ? undefined : `Did you mean "${nearestOne}"?`;
}

function listed(rules: readonly Declaration[]): string {
  return rules.map(({ decorator }) => decorator).join(' and ');
}

interface Found<K extends Kind> {
  readonly rule: Declared<K>;
  readonly layer: DeclarationLayer;
  readonly index: number;
}

function nearest<K extends Kind>(layers: readonly DeclarationLayer[], kind: K): Found<K> | undefined {
  // Asked nine times a route: plain loops keep the start of a large application short.
  for (let index = 0; index < layers.length; index++) {
    const layer = layers[index] as DeclarationLayer;
    for (const rule of layer.declarations) if (rule.kind === kind) return { rule: rule as Declared<K>, layer, index };
  }
  return undefined;
}

type DeclaredAt = RoutePolicy['declaredAt'];

/** Where each kind was declared; what was not declared has no entry. */
function levelsOf(layers: Readonly<Record<keyof DeclaredAt, DeclarationLayer | undefined>>): DeclaredAt {
  const levels: { -readonly [Name in keyof DeclaredAt]: DeclaredAt[Name] } = {};
  for (const kind of Object.keys(layers) as (keyof DeclaredAt)[]) {
    const layer = layers[kind];
    if (layer !== undefined) levels[kind] = layer.level;
  }
  return Object.freeze(levels);
}

function hasRequirement(layer: DeclarationLayer): boolean {
  return layer.declarations.some(({ kind }) => (REQUIREMENTS as readonly string[]).includes(kind));
}

function withoutInheritedExemption(layer: DeclarationLayer): DeclarationLayer {
  return layer.requirementsOnly === true ? withoutExemption(layer) : layer;
}

function withoutExemption(layer: DeclarationLayer): DeclarationLayer {
  const declarations = layer.declarations.filter(
    (rule) =>
      rule.kind !== 'skipRateLimit' &&
      rule.kind !== 'priority' &&
      (rule.kind !== 'concurrencyLimit' || rule.limits !== false) &&
      (rule.kind !== 'access' || rule.access === 'authenticated'),
  );
  return declarations.length === layer.declarations.length ? layer : { ...layer, declarations };
}

/** An exemption lifts the requirements further out; `@OptionalAuth` leaves policies, which may judge the anonymous. */
function cutBehind(layers: readonly DeclarationLayer[], exempt: Found<'access'>): readonly DeclarationLayer[] {
  const keepsPolicies = exempt.rule.access === 'optional';
  return layers.map((layer, index) =>
    index <= exempt.index
      ? layer
      : { ...layer, declarations: keepsPolicies ? layer.declarations.filter(({ kind }) => kind === 'policies') : [] },
  );
}

const NO_SCHEMES: readonly string[] = Object.freeze([]);

/** One list for all routes that name none, by which it can be told that they are alike. */
function schemesOf(rule: Declared<'access'> | undefined, known: KnownNames): readonly string[] {
  const named = rule === undefined || rule.access === 'public' ? NO_SCHEMES : rule.schemes;
  return Object.freeze(named.length > 0 ? [...named] : known.defaultSchemes);
}

// What opens something up, like @Public, does not hold for a handler that it was not written for.
const EXEMPTIONS: ReadonlySet<EdgePart> = new Set<EdgePart>(['allowHttp', 'csrfExempt', 'cors']);

const NO_EDGE_PARTS: RoutePolicy['edge'] = Object.freeze({});

/** Of each part the nearest; nothing beats `@Public` or is lifted by it. */
function edgePartsOf(layers: readonly DeclarationLayer[]): RoutePolicy['edge'] {
  let parts: Partial<Record<EdgePart, unknown>> | undefined;
  for (const { declarations, requirementsOnly } of layers) {
    for (const rule of declarations) {
      if (rule.kind !== 'edge' || (requirementsOnly === true && EXEMPTIONS.has(rule.part))) continue;
      parts ??= {};
      if (!Object.hasOwn(parts, rule.part)) parts[rule.part] = rule.value;
    }
  }
  return parts === undefined ? NO_EDGE_PARTS : Object.freeze(parts);
}

const NO_RATE_LIMITS: DeclaredRateLimits = Object.freeze({ skipped: Object.freeze([]) });

/** The nearest limits and exemptions; `@Public` lifts none of them, and a nearer limit beats an exemption from it. */
function rateLimitsOf(layers: readonly DeclarationLayer[]): {
  declared: DeclaredRateLimits;
  layer: DeclarationLayer | undefined;
} {
  const limits = nearest(layers, 'rateLimit');
  const skip = nearest(layers, 'skipRateLimit');
  if (limits === undefined && skip === undefined) return { declared: NO_RATE_LIMITS, layer: undefined };
  const isBeaten = limits !== undefined && skip !== undefined && limits.index < skip.index;
  const isSkipped = skip?.rule.names.length === 0 && !isBeaten;
  const named = skip?.rule.names ?? [];
  return {
    declared: Object.freeze({
      limits: isSkipped || limits === undefined ? undefined : Object.freeze([...limits.rule.limits]),
      skipped: isSkipped || Object.freeze(named.filter((name) => !isBeaten || !limits.rule.limits.includes(name))),
    }),
    layer: isSkipped ? skip.layer : (limits ?? skip)?.layer,
  };
}

/** `false` lifts what is declared further out. */
function frozenList(limits: readonly unknown[] | false): readonly unknown[] | undefined {
  return limits === false ? undefined : Object.freeze([...limits]);
}

/** Several `@Policy` on one level add up. */
function allPolicies(layer: DeclarationLayer) {
  return layer.declarations.flatMap((rule) => (rule.kind === 'policies' ? rule.policies : []));
}

/** A copy: the names may be a constant of the application. */
function freezeRequirement(requirement: Requirement): Requirement {
  // What is no requirement was reported, and stops the start.
  if (requirementProblem(requirement) !== undefined) return requirement;
  const names = Object.freeze([...namesOf(requirement)]);
  return Object.freeze('any' in requirement ? { any: names } : { all: names });
}
