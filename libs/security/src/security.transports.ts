import type { Declaration } from './core/declarations.js';
import type { ConfigurationProblem } from './core/errors.js';
import type { ExploredHandler } from './core/route-explorer.js';
import type { DeclarationLayer } from './core/route-policy.compiler.js';

/**
 * Whether a handler gets a policy, by what the transport that calls it says; what keeps it from being served as declared is
 * added to `problems`. Without a policy it is denied, but for parts, which are asked only where their origin was allowed.
 *
 * @param ofFeatures the rules of the module
 */
export function isGuarded(
  handler: ExploredHandler,
  ofFeatures: readonly DeclarationLayer[],
  problems: ConfigurationProblem[],
): boolean {
  const { transport, id, layers } = handler;
  if (transport === undefined || transport.kind === 'handler') {
    if (transport !== undefined) refuseEdge(handler, problems);
    return true;
  }
  if (transport.kind === 'exposed') {
    problems.push({ where: id, problem: transport.because, fix: transport.fix });
    return false;
  }
  if (transport.kind === 'denied') return false;
  const rules = [
    ...layers.flatMap(({ declarations }) => declarations.filter(asks)),
    ...(isExempt(layers) ? [] : ofFeatures.flatMap(({ declarations }) => declarations.filter(asksWhoCalls))),
  ];
  if (rules.length === 0) return false;
  if (transport.unguarded === undefined) {
    refuseEdge(handler, problems);
    return true;
  }
  problems.push({
    where: id,
    problem: `${listed(rules)} would not be enforced: no guard is run for a part of an answer`,
    fix: `${transport.unguarded}, or declare it for the handlers that the part is reached through`,
  });
  return false;
}

/** What modules say of the edge is for their controllers: handlers of transports share one path. */
export function layersOfTransport(layers: readonly DeclarationLayer[]): readonly DeclarationLayer[] {
  return layers.map((layer) => ({
    ...layer,
    declarations: layer.declarations.filter(({ kind }) => kind !== 'edge'),
  }));
}

function refuseEdge({ id, layers }: ExploredHandler, problems: ConfigurationProblem[]): void {
  const rules = layers.flatMap(({ declarations }) => declarations.filter(({ kind }) => kind === 'edge'));
  if (rules.length === 0) return;
  problems.push({
    where: id,
    problem: `${listed(rules)} cannot hold for one of the handlers that a request carries`,
    fix: 'Say it in SecurityModule.forRoot, for every request',
  });
}

/** Exemptions ask for nothing: what is not enforced of them opens nothing. */
export function asks(rule: Declaration): boolean {
  switch (rule.kind) {
    case 'access':
      return rule.access === 'authenticated';
    case 'concurrencyLimit':
      return rule.limits !== false;
    case 'skipRateLimit':
    case 'priority':
      return false;
    default:
      return true;
  }
}

/** What a module says of who may call holds for its parts too: they may be reached through another module's handlers. */
function asksWhoCalls(rule: Declaration): boolean {
  return ['access', 'roles', 'permissions', 'scopes'].includes(rule.kind) && asks(rule);
}

function isExempt(layers: readonly DeclarationLayer[]): boolean {
  return layers.some(
    ({ declarations, requirementsOnly }) =>
      requirementsOnly !== true && declarations.some((rule) => rule.kind === 'access' && rule.access === 'public'),
  );
}

export function listed(rules: readonly Declaration[]): string {
  return [...new Set(rules.map(({ decorator }) => decorator))].join(' and ');
}
