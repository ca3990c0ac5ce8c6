import type { Type } from '@nestjs/common';
import type { ConfigurationProblem } from './core/errors.js';
import type { ExploredHandler } from './core/route-explorer.js';
import { asks, listed } from './security.transports.js';

/**
 * Adds requirements that were declared where nothing enforces them to `problems`: on methods that are not handlers, and on
 * providers that have none. Exemptions open nothing there.
 */
export function refuseUnenforced(handlers: readonly ExploredHandler[], problems: ConfigurationProblem[]): void {
  const controllers = new Set<Type>();
  const withHandlers = new Set<Type>();
  for (const { controller, isCalled, isProvider } of handlers) {
    if (!isProvider) controllers.add(controller);
    if (isCalled || !isProvider) withHandlers.add(controller);
  }
  for (const handler of handlers) {
    const { controller, isCalled, isProvider } = handler;
    // The routes of a class that is a controller as well are looked at there.
    if (isCalled || (isProvider && controllers.has(controller))) continue;
    refuse(handler, withHandlers.has(controller), problems);
  }
}

function refuse(
  { id, controller, layers }: ExploredHandler,
  hasHandlers: boolean,
  problems: ConfigurationProblem[],
): void {
  for (const { level, declarations, requirementsOnly } of layers) {
    // The rules of a class are for its handlers, those of an overridden method for that one.
    if (hasHandlers && (level !== 'handler' || requirementsOnly === true)) continue;
    const rules = declarations.filter(asks);
    if (rules.length === 0) continue;
    problems.push({
      where: level === 'handler' ? id : controller.name,
      problem:
        `${listed(rules)} would not be enforced: ${hasHandlers ? 'the method is not a handler' : 'the class is a provider without handlers'}, ` +
        'and no guard is run for what schedulers, queues, listeners and other code call',
      fix: 'Take it off and ask Authorizer in the method, or declare it for the handler that leads to the method',
    });
  }
}
