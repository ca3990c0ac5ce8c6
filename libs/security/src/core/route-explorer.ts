import { Injectable, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import { ownDeclarations, type Declaration } from './declarations.js';
import type { DeclarationLayer } from './route-policy.compiler.js';
import type { HandlerFunction } from './route-policy.js';

/** A handler as it stands in a module, with the rules declared around it, nearest first. */
export interface ExploredHandler {
  readonly id: string;
  readonly controller: Type;
  readonly method: string;
  readonly handler: HandlerFunction;
  readonly module: ExploredModule;
  readonly layers: readonly DeclarationLayer[];
}

/** The module that declares a controller, as far as compiling needs it. */
export interface ExploredModule {
  readonly name: string;
  readonly moduleRef: ModuleRef;
  /** The providers' values of the modules it imports, under a token. */
  importedValues(token: symbol): readonly unknown[];
}

type Wrapper = ReturnType<DiscoveryService['getControllers']>[number];

/**
 * Finds every handler that can be called: all methods of controllers, and the methods of other providers (gateways,
 * resolvers) that rules were declared for. What it does not find has no policy, and is denied.
 */
@Injectable()
export class RouteExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  explore(): ExploredHandler[] {
    return [
      ...this.discovery.getControllers().flatMap((wrapper) => this.handlersOf(wrapper, () => true)),
      ...this.discovery.getProviders().flatMap((wrapper) => this.handlersOf(wrapper, isDeclared)),
    ];
  }

  private handlersOf(wrapper: Wrapper, wanted: (layers: readonly DeclarationLayer[]) => boolean): ExploredHandler[] {
    const controller = wrapper.metatype as Type | null | undefined;
    const host = wrapper.host;
    // Values have no metatype, and factories a function that is no class.
    if (controller == null || host === undefined || wrapper.isNotMetatype) return [];
    if (typeof controller.prototype !== 'object' || wrapper.inject !== undefined) return [];
    const prototype = controller.prototype as Record<string, unknown>;
    const module = exploredModule(host);
    const handlers: ExploredHandler[] = [];
    for (const method of this.scanner.getAllMethodNames(prototype)) {
      const layers = layersOf(controller, method);
      if (!wanted(layers)) continue;
      const handler = prototype[method] as HandlerFunction;
      handlers.push({ id: `${controller.name}.${method}`, controller, method, handler, module, layers });
    }
    return handlers;
  }
}

function isDeclared(layers: readonly DeclarationLayer[]): boolean {
  return layers.some(({ declarations }) => declarations.length > 0);
}

function exploredModule(host: NonNullable<Wrapper['host']>): ExploredModule {
  return {
    name: host.metatype?.name ?? 'a module',
    get moduleRef() {
      return host.getProviderByKey<ModuleRef>(ModuleRef).instance;
    },
    importedValues: (token) =>
      [...host.imports].flatMap((imported) => {
        const provider = imported.providers.get(token);
        return provider === undefined ? [] : [provider.instance as unknown];
      }),
  };
}

/** The rules on the method, on the methods it overrides, on the class and on the classes it extends. */
function layersOf(controller: Type, method: string): DeclarationLayer[] {
  const methods: DeclarationLayer[] = [];
  const classes: DeclarationLayer[] = [];
  let overridden = false;
  for (const [type, prototype] of ancestry(controller)) {
    if (Object.hasOwn(prototype, method)) {
      add(methods, 'handler', `${type.name}.${method}`, ownDeclarations(prototype, method), overridden);
      overridden = true;
    }
    add(classes, 'class', type.name, ownDeclarations(type), false);
  }
  return [...methods, ...classes];
}

function add(
  layers: DeclarationLayer[],
  level: DeclarationLayer['level'],
  where: string,
  declarations: readonly Declaration[],
  overridden: boolean,
): void {
  if (declarations.length > 0) layers.push({ level, where, declarations, overridden });
}

function* ancestry(controller: Type): Generator<[Type, object]> {
  for (
    let prototype = controller.prototype as object | null;
    prototype !== null && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    yield [prototype.constructor as Type, prototype];
  }
}
