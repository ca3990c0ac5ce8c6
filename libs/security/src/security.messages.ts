import 'reflect-metadata';
import { Inject, Injectable, Optional, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import { Enforcer } from './core/enforcer.js';
import { ownDeclarations, type Declaration } from './core/declarations.js';
import { answerRefusalsOf, guardFirst, tellRefusalsOf } from './core/message-enhancers.js';
import { isGateway, isMessageType, isRouted } from './core/message-handlers.js';
import { isRefusalKnown, loadRefusals } from './core/message-refusals.js';
import type { ClassOfMessages, ExploredHandler, RouteExplorer } from './core/route-explorer.js';
import type { RoutePolicy } from './core/route-policy.js';
import type { ConfigurationProblem } from './core/errors.js';
import { SecurityGuard } from './security.guard.js';
import { listed } from './security.transports.js';

/** Decides on calls of gateways and of microservices, for whichever guard comes to them. */
@Injectable()
export class MessageAdmission {
  constructor(
    private readonly guard: SecurityGuard,
    private readonly enforcer: Enforcer,
    /** Handlers are then left to guards of their own; a rule that those do not enforce stops the start. */
    private readonly withoutGlobalGuard: boolean,
  ) {}

  admit(execution: ExecutionContext): true | Promise<true> {
    if (this.withoutGlobalGuard && this.enforcer.routeOf(execution) !== undefined) return true;
    return this.guard.canActivate(execution);
  }
}

/**
 * Stands in front of every handler of gateways and microservices, put there by itself: Nest runs global guards neither for
 * gateways before Nest 12 nor for microservices that do not inherit the configuration of the application.
 *
 * The metadata that names it belongs to the class, which another application of the process may have as well: there Nest
 * makes it, and it asks that application's `SecurityModule`, or nobody where there is none.
 */
@Injectable()
export class MessageGuard implements CanActivate {
  constructor(@Optional() @Inject(MessageAdmission) private readonly admission: MessageAdmission | undefined) {}

  canActivate(execution: ExecutionContext): true | Promise<true> {
    // A controller may have routes as well, for which Nest runs the global guards.
    return this.admission === undefined || !isMessageType(execution.getType()) || this.admission.admit(execution);
  }
}

/** Prepares the handlers of gateways and microservices, before Nest looks at them. */
@Injectable()
export class MessageHandlers {
  private constructor(private readonly gateways: ReadonlySet<Type>) {}

  static async prepare(explorer: RouteExplorer, admission: MessageAdmission): Promise<MessageHandlers> {
    const classes = explorer.classesOfMessages;
    const guard = new MessageGuard(admission);
    await loadRefusals(new Set(classes.flatMap(({ types }) => types)));
    for (const each of classes) prepareClass(each, guard);
    return new MessageHandlers(new Set(classes.map(({ type }) => type).filter(isGateway)));
  }

  /** Tells what the package cannot guard, and what it denies, in one line for each class. */
  warnings(compiled: readonly { readonly policy: RoutePolicy; readonly handler: ExploredHandler }[]): string[] {
    const denied = new Map<Type, string[]>();
    for (const { policy, handler } of compiled) {
      if (handler.messages.length === 0 || policy.access === 'public') continue;
      denied.set(policy.controller, [...(denied.get(policy.controller) ?? []), handler.method]);
    }
    return [
      ...[...denied].map(
        ([{ name }, methods]) =>
          `${name}: ${methods.join(', ')} ${methods.length === 1 ? 'is' : 'are'} denied to everybody who calls over a WebSocket or ` +
          'a microservice, as credentials are read from HTTP requests only; @Public() opens a handler',
      ),
      ...[...this.gateways].filter((gateway) => !isPublic(gateway)).map(openness),
    ];
  }
}

/** Adds what is declared for handlers of messages and could not hold for them to `problems`. */
export function refuseEdgeOfMessages(
  { id, handler, messages, isProvider, layers }: ExploredHandler,
  problems: ConfigurationProblem[],
): void {
  if (messages.length === 0 || isRouted(handler)) return;
  // The class of a controller may speak of its routes.
  const own = layers.filter(({ level }) => level === 'handler' || (isProvider && level === 'class'));
  const rules = own.flatMap(({ declarations }) => declarations.filter(({ kind }) => kind === 'edge'));
  if (rules.length === 0) return;
  problems.push({
    where: id,
    problem: `${listed(rules)} cannot hold for messages: no HTTP request carries them`,
    fix: 'Take it off',
  });
}

/** Adds `@Throttle` on a public handler of messages to `problems`: no request comes with a message that could be counted. */
export function refuseThrottleOfMessages(
  { id, controller, handler, messages, isProvider }: ExploredHandler,
  problems: ConfigurationProblem[],
): void {
  if (messages.length === 0 || isRouted(handler)) return;
  const targets = isProvider ? [handler, controller] : [handler];
  if (!targets.some(isThrottled)) return;
  problems.push({
    where: id,
    problem: '@Throttle cannot hold for messages: no HTTP request carries them that could be counted',
    fix: 'Take it off, or give the gateway a guard that extends ThrottlerGuard',
  });
}

// How the metadata keys of @Throttle start, which @nestjs/throttler does not export.
const THROTTLE = 'THROTTLER:LIMIT';

function isThrottled(target: object): boolean {
  return Reflect.getMetadataKeys(target).some((key) => typeof key === 'string' && key.startsWith(THROTTLE));
}

function prepareClass({ type, host, handlers, types }: ClassOfMessages, guard: MessageGuard): void {
  host.addInjectable({ provide: MessageGuard, useValue: guard }, 'guard');
  // Nest 11 asks an instance for its class, which a decorator may have replaced.
  const classes = new Set([type, (type.prototype as { constructor: Type }).constructor]);
  for (const each of classes) {
    guardFirst(each, MessageGuard);
    if (types.some((one) => one === 'ws' || !isRefusalKnown(one))) answerRefusalsOf(each);
  }
  for (const handler of handlers) {
    guardFirst(handler, MessageGuard);
    tellRefusalsOf(handler);
  }
}

function openness(gateway: Type): string {
  const hook = typeof (gateway.prototype as { handleConnection?: unknown }).handleConnection === 'function';
  return (
    `${gateway.name}: no guard stands before the handshake of a WebSocket. Whoever connects, from any origin, gets what the gateway ` +
    `sends unasked${hook ? ', and handleConnection is called for them' : ''}; @Public() on the class says that this is meant`
  );
}

function isPublic(type: Type): boolean {
  const rules: readonly Declaration[] = ownDeclarations(type).get(undefined) ?? [];
  return rules.some((rule) => rule.kind === 'access' && rule.access === 'public');
}
