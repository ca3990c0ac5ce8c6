import type { Type } from '@nestjs/common';
import { homesOf, ownDeclarations, type Declaration, type OwnDeclarations } from './declarations.js';
import type { DeclarationLayer } from './route-policy.compiler.js';
import type { HandlerFunction } from './route-policy.js';

/** A class of the controller's ancestry, with what is declared on it. */
export interface Level {
  readonly name: string;
  readonly prototype: object;
  readonly ofClass: readonly Declaration[];
  readonly ofMethods: OwnDeclarations;
}

/**
 * Lists the classes of a controller's ancestry. A class decorator may put another constructor in the place of the class
 * and keep its prototype: rules above it are on the one, rules below it on the other, and all of them are the class's.
 */
export function levelsOf(controller: Type): readonly Level[] {
  const levels: Level[] = [];
  let replacing: Type | undefined = controller;
  for (
    let prototype = controller.prototype as object | null;
    prototype !== null && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    // A prototype without a constructor of its own would name that of the next one.
    const written = Object.hasOwn(prototype, 'constructor') ? (prototype.constructor as Type) : undefined;
    const ofMethods = ownDeclarations(prototype);
    const ofClass = new Set([
      ...classDeclarations(replacing),
      ...classDeclarations(written),
      ...(ofMethods.get(undefined) ?? NO_DECLARATIONS),
    ]);
    levels.push({ name: written?.name || replacing?.name || 'a class', prototype, ofClass: [...ofClass], ofMethods });
    replacing = undefined;
  }
  return levels;
}

/** What executions may give for the class of a handler: the constructor of the instance, whatever class was registered. */
export function classesOf(controller: Type, instance: object | null | undefined): readonly Type[] {
  const prototype = controller.prototype as object;
  const classes: unknown[] = [instance?.constructor, prototype.constructor, controller];
  return [...new Set(classes)].filter((type): type is Type => typeof type === 'function');
}

/** The name of a class, or of the class that it was put in the place of: a replacement may have none. */
export function nameOfClass(controller: Type): string {
  const { constructor } = controller.prototype as object;
  return (
    controller.name ||
    constructor.name ||
    levelsOf(controller).find(({ name }) => name !== 'a class')?.name ||
    'a class'
  );
}

/**
 * Lists the rules on the method, on its function, on the methods it overrides, on the class and on the classes it extends.
 * What lies behind the class that has the method was not written for it, and only asks, never exempts.
 */
export function layersOf(levels: readonly Level[], method: string, handler: HandlerFunction): DeclarationLayer[] {
  const methods: DeclarationLayer[] = [];
  const classes: DeclarationLayer[] = [];
  const own = levels.findIndex(({ prototype }) => Object.hasOwn(prototype, method));
  // A class decorator may return a subclass whose methods wrap those of the class: they stand for them.
  const homes = homesOf(handler);
  const home = Math.max(
    own,
    levels.findLastIndex(({ prototype }) => homes?.has(prototype)),
  );
  levels.forEach(({ name, ofClass, ofMethods }, index) => {
    const requirementsOnly = index > home;
    const onMethod = ofMethods.get(method) ?? NO_DECLARATIONS;
    if (onMethod.length > 0) methods.push(handlerLayer(name, method, onMethod, requirementsOnly));
    if (ofClass.length > 0) classes.push({ level: 'class', where: name, declarations: ofClass, requirementsOnly });
    if (index !== own || home > own) return;
    const copied = copiedWith(handler, onMethod);
    if (copied.length > 0) methods.push(handlerLayer(name, method, copied, true));
  });
  return [...methods, ...classes];
}

/** The class whose `@Public` or `@OptionalAuth` a method in its place has lost, though nothing nearer says who may call. */
export function lostExemptionOf(
  levels: readonly Level[],
  layers: readonly DeclarationLayer[],
  method: string,
): DeclarationLayer | undefined {
  const lost = layers.find(
    ({ requirementsOnly, declarations }) => requirementsOnly === true && declarations.some(isExemption),
  );
  const isOverridden = levels.filter(({ prototype }) => Object.hasOwn(prototype, method)).length > 1;
  return isOverridden ? lost : undefined;
}

function isExemption(rule: Declaration): boolean {
  return rule.kind === 'access' && rule.access !== 'authenticated';
}

function classDeclarations(type: Type | undefined): readonly Declaration[] {
  return (typeof type === 'function' ? ownDeclarations(type).get(undefined) : undefined) ?? NO_DECLARATIONS;
}

function handlerLayer(
  name: string,
  method: string,
  declarations: readonly Declaration[],
  requirementsOnly: boolean,
): DeclarationLayer {
  return { level: 'handler', where: `${name}.${method}`, declarations, requirementsOnly };
}

const NO_DECLARATIONS: readonly Declaration[] = [];

/** Rules that a function brought from the class it was copied from, of kinds that the method itself has none of. */
function copiedWith(handler: HandlerFunction, declared: readonly Declaration[]): readonly Declaration[] {
  const own = ownDeclarations(handler).get(undefined) ?? NO_DECLARATIONS;
  return own.filter((rule) => !declared.some((other) => kindOf(other) === kindOf(rule)));
}

/** Each part of the edge is a kind of its own: they do not replace each other. */
function kindOf(rule: Declaration): string {
  return rule.kind === 'edge' ? rule.part : rule.kind;
}
