import 'reflect-metadata';
import { Catch, UseFilters, type ExceptionFilter, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { rootMissing, rootsOf } from './root.js';

/** Never thrown. */
class Nothing {}

interface Use {
  readonly where: string;
  readonly rule: string;
}

const uses = new WeakMap<object, Use[]>();

/**
 * Has the application that a class with a rule stands in notice that it does not import `SecurityModule.forRoot`: decorators
 * know of no application, and Nest makes the exception filters of a class wherever the class is registered. A filter costs
 * a request nothing, and this one catches nothing.
 */
export function needRoot(type: unknown, method: string | symbol | undefined, rule: string): void {
  if (typeof type !== 'function' || type === Object) return;
  const where = method === undefined ? type.name : `${type.name}.${String(method)}`;
  const known = uses.get(type);
  uses.set(type, [...(known ?? []), { where, rule }]);
  if (known === undefined) UseFilters(RulesNeedRoot)(type);
}

@Catch(Nothing)
export class RulesNeedRoot implements ExceptionFilter, OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  /** Not in the constructor: a test may make the providers of a class without ever starting an application. */
  onModuleInit(): void {
    if (rootsOf(this.modules) > 0) return;
    const classes = [...this.modules.values()]
      .flatMap(({ controllers, providers, injectables }) => [controllers, providers, injectables])
      .flatMap((wrappers) => [...wrappers.values()])
      .flatMap(({ metatype }) => ancestryOf(metatype));
    const found = [...new Set(classes)].flatMap((type) => uses.get(type) ?? []);
    const places = [...new Set(found.map(({ where }) => where))];
    throw rootMissing(places.map((place) => ({ where: place, use: `declares ${rulesAt(place, found)}` })));
  }

  catch(exception: unknown): never {
    throw exception;
  }
}

function rulesAt(place: string, found: readonly Use[]): string {
  const rules = found.filter(({ where }) => where === place).map(({ rule }) => rule);
  return [...new Set(rules)].join(' and ');
}

/** A class and those that it extends. */
function ancestryOf(type: unknown): object[] {
  const classes: object[] = [];
  for (let level = type; typeof level === 'function' && level !== Function.prototype;) {
    classes.push(level);
    level = Object.getPrototypeOf(level) as unknown;
  }
  return classes;
}
