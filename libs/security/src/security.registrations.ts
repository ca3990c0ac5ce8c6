import type { Type } from '@nestjs/common';
import type { ConfigurationProblem } from './core/errors.js';
import type { ExploredHandler } from './core/route-explorer.js';
import type { HandlerFunction, RoutePolicy } from './core/route-policy.js';

/** A handler that is registered in more places than one, where requests cannot tell which of them was meant. */
export interface Registration {
  readonly first: ExploredHandler;
  readonly others: ExploredHandler[];
  readonly signature: string;
}

/**
 * Keeps handlers by what tells them apart while requests are served: the class of the instance and the function. A
 * controller may stand in several modules, and a class decorator may make two classes that are one by then; what holds for
 * them must then agree.
 */
export class Registrations {
  private readonly known = new Map<Type, Map<HandlerFunction, Registration>>();
  private readonly identities = new Map<unknown, number>();

  /**
   * @param ofModule the defaults of the module
   * @returns `undefined` for a handler that was registered before
   */
  add(handler: ExploredHandler, ofModule: unknown, problems: ConfigurationProblem[]): Registration | undefined {
    const type = handler.classes[0] ?? handler.controller;
    const ofClass = this.known.get(type) ?? new Map<HandlerFunction, Registration>();
    this.known.set(type, ofClass);
    const rules = handler.layers.flatMap(({ declarations }) => declarations);
    const signature = `${handler.method} ${this.written(ofModule)} ${rules.map((rule) => this.numberOf(rule)).join()}`;
    const earlier = ofClass.get(handler.handler);
    if (earlier === undefined) {
      const registration = { first: handler, others: [], signature };
      ofClass.set(handler.handler, registration);
      return registration;
    }
    if (earlier.signature !== signature) problems.push(contradiction(earlier.first, handler));
    earlier.others.push(handler);
    return undefined;
  }

  /** Options as text: functions and instances are what they are, whatever their source or fields say. */
  private written(value: unknown): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.written(item)).join()}]`;
    if (value instanceof RegExp) return String(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function' || typeof value === 'symbol') return `#${this.numberOf(value)}`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return `#${this.numberOf(value)}`;
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{${fields
      .map(([name, field]) => `${JSON.stringify(name)}:${this.written(field)}`)
      .toSorted()
      .join()}}`;
  }

  private numberOf(value: unknown): number {
    const number = this.identities.get(value) ?? this.identities.size;
    this.identities.set(value, number);
    return number;
  }
}

function contradiction(first: ExploredHandler, second: ExploredHandler): ConfigurationProblem {
  if (first.controller === second.controller) {
    return {
      where: second.id,
      problem: `is registered twice, under different rules: in ${modulesOf(first, second)}`,
      fix: 'Give both modules the same SecurityModule.forFeature, or each its own controller and method',
    };
  }
  return {
    where: second.id,
    problem:
      `cannot be told from ${first.id} of another controller, which has different rules: ` +
      'a class decorator has given both the prototype of one class',
    fix: 'Let the decorator return a subclass, or declare the same rules for both',
  };
}

/** Two modules for a message, or two imports of one. */
export function modulesOf(first: ExploredHandler, second: ExploredHandler): string {
  const [one, other] = [first.module.name, second.module.name];
  return one === other ? `two imports of ${one}` : `${one} and ${other}`;
}

/** Problems of a handler that nobody could find the rules of: it would answer 403 to everybody. */
export function elusive({ id, isElusive }: ExploredHandler): ConfigurationProblem[] {
  if (!isElusive) return [];
  return [
    {
      where: id,
      problem: 'is another function each time that the controller is asked for it, so that its rules cannot be found',
      fix: 'Let the proxy or getter answer with one function for a method, or copy the metadata of the method to each',
    },
  ];
}

/** Says that a method asks for credentials because the one that it stands in the place of was public. */
export function lostExemption(
  { id, access, declaredAt }: RoutePolicy,
  { lostExemption: lost }: ExploredHandler,
): string | undefined {
  const { access: byRule, roles, permissions, scopes, policies } = declaredAt;
  if (lost === undefined || access !== 'authenticated') return undefined;
  if ([byRule, roles, permissions, scopes, policies].some((level) => level !== undefined)) return undefined;
  const exemption = lost.declarations.find((rule) => rule.kind === 'access');
  return (
    `${id} asks for credentials: ${exemption?.decorator} of ${lost.where} does not hold for a method that stands in the ` +
    'place of another. Declare it on that method, or copy the metadata of the other along'
  );
}
