import { Injectable, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import { ownDeclarations, type OwnDeclarations } from './declarations.js';
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
type Host = NonNullable<Wrapper['host']>;

/**
 * Finds every handler that can be called: all methods of controllers, and the methods of other providers (gateways,
 * resolvers) that rules were declared for. What it does not find has no policy, and is denied.
 */
@Injectable()
export class RouteExplorer {
  private readonly modules = new Map<Host, ExploredModule>();

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
    const module = this.moduleOf(host);
    const levels = [...levelsOf(controller)];
    const handlers: ExploredHandler[] = [];
    for (const method of this.scanner.getAllMethodNames(prototype)) {
      const layers = layersOf(levels, method);
      if (!wanted(layers)) continue;
      const handler = prototype[method] as HandlerFunction;
      handlers.push({ id: `${controller.name}.${method}`, controller, method, handler, module, layers });
    }
    return handlers;
  }

  private moduleOf(host: Host): ExploredModule {
    const module = this.modules.get(host) ?? exploredModule(host);
    this.modules.set(host, module);
    return module;
  }
}

function isDeclared(layers: readonly DeclarationLayer[]): boolean {
  return layers.some(({ declarations }) => declarations.length > 0);
}

function exploredModule(host: Host): ExploredModule {
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

/** A class of the controller's ancestry, with what is declared on it. */
interface Level {
  readonly type: Type;
  readonly prototype: object;
  readonly ofClass: OwnDeclarations;
  readonly ofMethods: OwnDeclarations;
}

function* levelsOf(controller: Type): Generator<Level> {
  for (
    let prototype = controller.prototype as object | null;
    prototype !== null && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    const type = prototype.constructor as Type;
    yield { type, prototype, ofClass: ownDeclarations(type), ofMethods: ownDeclarations(prototype) };
  }
}

/** The rules on the method, on the methods it overrides, on the class and on the classes it extends. */
function layersOf(levels: readonly Level[], method: string): DeclarationLayer[] {
  const methods: DeclarationLayer[] = [];
  const classes: DeclarationLayer[] = [];
  let overridden = false;
  for (const { type, prototype, ofClass, ofMethods } of levels) {
    const onMethod = ofMethods.get(method);
    if (onMethod !== undefined) {
      methods.push({ level: 'handler', where: `${type.name}.${method}`, declarations: onMethod, overridden });
    }
    overridden ||= Object.hasOwn(prototype, method);
    const onClass = ofClass.get(undefined);
    if (onClass !== undefined) classes.push({ level: 'class', where: type.name, declarations: onClass });
  }
  return [...methods, ...classes];
}
