import { Injectable, Scope, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef, ModulesContainer } from '@nestjs/core';
import { classesOf, layersOf, levelsOf, lostExemptionOf, nameOfClass } from './declared-layers.js';
import type { ConfigurationProblem } from './errors.js';
import { markHandler, originalOf } from './handler-identity.js';
import { observeOutcomeOf } from './outcome.interceptor.js';
import { isGateway, isRouted, messageTypesOf, type MessageType } from './message-handlers.js';
import type { DeclarationLayer } from './route-policy.compiler.js';
import type { HandlerFunction } from './route-policy.js';
import type { ServedPath, TransportApplication, TransportHandler } from './transport.port.js';
import { Transports } from './transports.js';

/** A handler as it stands in a module, with the rules declared around it, nearest first. */
export interface ExploredHandler {
  readonly id: string;
  readonly controller: Type;
  readonly method: string;
  readonly handler: HandlerFunction;
  /** What instances have in its place, where their constructor bound or wrapped it. */
  readonly replacement?: HandlerFunction | undefined;
  /** What calls it beside HTTP and the transports: gateways, microservices. */
  readonly messages: readonly MessageType[];
  /** False for methods that nothing calls behind a guard, as far as metadata tells. */
  readonly isCalled: boolean;
  /** Found among the providers of a module; a controller otherwise. */
  readonly isProvider: boolean;
  /** What it is to the transport that calls it; absent where it is called over HTTP, or nobody knows. */
  readonly transport?: TransportHandler | undefined;
  readonly module: ExploredModule;
  /** What executions may give for its class, first what they do give. */
  readonly classes: readonly Type[];
  /** Whether executions give another function or class each time, by which nobody could find its rules. */
  readonly isElusive: boolean;
  /** The `@Public` or `@OptionalAuth` of the method that it overrides, which does not hold for it. */
  readonly lostExemption?: DeclarationLayer | undefined;
  readonly layers: readonly DeclarationLayer[];
}

/** A class that gateways or microservices call. */
export interface ClassOfMessages {
  readonly type: Type;
  /** Nest's module that has it. */
  readonly host: Host;
  readonly handlers: readonly HandlerFunction[];
  readonly types: readonly MessageType[];
}

/** A module of the application, as far as compiling needs it. */
export interface ExploredModule {
  readonly name: string;
  readonly moduleRef: ModuleRef;
  readonly hasControllers: boolean;
  /** Whether it has handlers of any kind: controllers, or what a transport calls. */
  readonly hasHandlers: boolean;
  /** The providers' values of the modules it imports, under a token. */
  importedValues(token: symbol): readonly unknown[];
}

type Wrapper = ReturnType<DiscoveryService['getControllers']>[number];
type Host = NonNullable<Wrapper['host']>;

// The metadata key by which Nest knows the providers that are called from outside, such as resolvers and gateways.
const ENTRY_PROVIDER = '__entryProvider__';

/**
 * Finds every handler that can be called: all methods of controllers, the methods that transports know, and those of other
 * providers that rules were declared for. What it does not find has no policy, and is denied.
 */
@Injectable()
export class RouteExplorer {
  private readonly explored = new Map<Host, ExploredModule>();
  private readonly application: TransportApplication = {
    valuesOf: (token) => valuesIn(this.container.values(), token),
    instancesOf: (className) =>
      [...this.container.values()].flatMap(({ providers }) =>
        [...providers.entries()]
          .filter(([token]) => typeof token === 'function' && token.name === className)
          .map(([, { instance }]) => instance as unknown),
      ),
  };

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly container: ModulesContainer,
    private readonly transports: Transports,
  ) {}

  /** What transports find wrong when the application is complete. */
  get problemsOfTransports(): readonly ConfigurationProblem[] {
    return this.transports.problemsOf(this.application);
  }

  /** The paths that transports serve, each call for itself. */
  get pathsOfTransports(): readonly ServedPath[] {
    return this.transports.pathsOf(this.application);
  }

  get modules(): readonly ExploredModule[] {
    return [...this.container.values()].map((host) => this.moduleOf(host));
  }

  /** The classes that the application provides, and for which of them there is one instance when it starts. */
  get provided(): readonly ProvidedInstance[] {
    return this.discovery.getProviders().flatMap((wrapper) => {
      const type = classOf(wrapper);
      if (type === undefined) return [];
      const perRequest = perRequestReason(wrapper);
      const module = wrapper.host?.metatype?.name ?? 'a module';
      return [
        { type, module, perRequest, instance: perRequest === undefined ? (wrapper.instance as unknown) : undefined },
      ];
    });
  }

  /** All that Nest has made for the application, by classes, factories and as values. */
  get instances(): readonly { readonly instance: object; readonly module: string }[] {
    return this.discovery.getProviders().flatMap((wrapper) => {
      const instance: unknown = wrapper.instance;
      if (typeof instance !== 'object' || instance === null) return [];
      return [{ instance, module: wrapper.host?.metatype?.name ?? 'a module' }];
    });
  }

  /** The providers that are called from outside, over something that no transport is there for. */
  get unserved(): readonly Type[] {
    const entries = this.discovery
      .getProviders()
      .map(classOf)
      .filter((provider) => provider !== undefined && Reflect.hasMetadata(ENTRY_PROVIDER, provider));
    return [...new Set(entries as Type[])].filter((provider) => !this.isServed(provider));
  }

  /** The classes that gateways or microservices call, with the module of each. */
  get classesOfMessages(): readonly ClassOfMessages[] {
    const wrappers = [...this.discovery.getControllers(), ...this.discovery.getProviders()];
    return wrappers.flatMap((wrapper) => {
      const type = classOf(wrapper);
      const { host } = wrapper;
      if (type === undefined || host === undefined) return [];
      const handlers = this.methodsOf(type).flatMap(({ handler }) =>
        messageTypesOf(handler).length > 0 ? [handler] : [],
      );
      if (handlers.length === 0 && !isGateway(type)) return [];
      return [{ type, host, handlers, types: handlers.flatMap(messageTypesOf) }];
    });
  }

  /**
   * Marks handlers, before anything that instruments them gets to wrap them, and has those that transports call
   * observed, before Nest prepares them.
   */
  markHandlers(): void {
    for (const wrapper of this.discovery.getControllers()) {
      for (const { handler } of this.methodsOf(classOf(wrapper))) markHandler(handler);
    }
    this.markHandlersOfTransports();
  }

  /** To be asked again when all that factories make is there; what is marked stays as it is. */
  markHandlersOfTransports(): void {
    if (this.transports.areNone) return;
    for (const wrapper of this.discovery.getProviders()) {
      const provider = classOf(wrapper);
      for (const { handler } of this.methodsOf(provider)) {
        if (this.transportOf(handler, provider as Type) === undefined) continue;
        if (originalOf(handler) === undefined) markHandler(handler);
        observeOutcomeOf(handler);
      }
    }
  }

  explore(): ExploredHandler[] {
    return [
      ...this.discovery.getControllers().flatMap((wrapper) => this.handlersOf(wrapper, false)),
      ...this.discovery.getProviders().flatMap((wrapper) => this.handlersOf(wrapper, true)),
    ];
  }

  private isServed(provider: Type): boolean {
    return this.methodsOf(provider).some(({ handler }) => this.transportOf(handler, provider) !== undefined);
  }

  private hasMessages(provider: Type): boolean {
    return this.methodsOf(provider).some(({ handler }) => messageTypesOf(handler).length > 0);
  }

  private methodsOf(type: Type | undefined): { readonly method: string; readonly handler: HandlerFunction }[] {
    if (type === undefined) return [];
    const prototype = type.prototype as Methods;
    return this.scanner
      .getAllMethodNames(prototype)
      .map((method) => ({ method, handler: prototype[method] as HandlerFunction }));
  }

  private transportOf(handler: HandlerFunction, provider: Type): TransportHandler | undefined {
    return this.transports.handlerOf(handler, provider, this.application);
  }

  /** What is called over something that no transport is there for; which of its methods are, nobody knows. */
  private isOfStrangers(provider: Type): boolean {
    return Reflect.hasMetadata(ENTRY_PROVIDER, provider) && !this.isServed(provider);
  }

  private handlersOf(wrapper: Wrapper, isProvider: boolean): ExploredHandler[] {
    const controller = classOf(wrapper);
    const host = wrapper.host;
    if (controller === undefined || host === undefined) return [];
    const instance = wrapper.instance as Methods | undefined | null;
    const module = this.moduleOf(host);
    const levels = levelsOf(controller);
    const classes = classesOf(controller, instance);
    const name = nameOfClass(controller);
    const handlers: ExploredHandler[] = [];
    for (const { method, handler } of this.methodsOf(controller)) {
      const layers = layersOf(levels, method, handler);
      // Asked of controllers as well: a class may be both, and is looked at once.
      const transport = this.transportOf(handler, controller);
      const messages = messageTypesOf(handler);
      const isReached = transport !== undefined || messages.length > 0;
      if (isProvider && !isReached && !isDeclared(layers)) continue;
      const current = instance?.[method];
      handlers.push({
        id: `${name}.${method}`,
        controller,
        method,
        handler,
        replacement: typeof current === 'function' && current !== handler ? current : undefined,
        messages,
        isCalled: isReached || (isProvider ? this.isOfStrangers(controller) : isRouted(handler)),
        isProvider,
        transport,
        module,
        classes,
        isElusive: isElusive(instance, method),
        lostExemption: lostExemptionOf(levels, layers, method),
        layers,
      });
    }
    return handlers;
  }

  private moduleOf(host: Host): ExploredModule {
    const module = this.explored.get(host) ?? this.exploredModule(host);
    this.explored.set(host, module);
    return module;
  }

  private exploredModule(host: Host): ExploredModule {
    const isServed = (wrapper: Wrapper): boolean => {
      const provider = classOf(wrapper);
      return provider !== undefined && (this.isServed(provider) || this.hasMessages(provider));
    };
    return {
      name: host.metatype?.name ?? 'a module',
      get moduleRef() {
        return host.getProviderByKey<ModuleRef>(ModuleRef).instance;
      },
      hasControllers: host.controllers.size > 0,
      get hasHandlers() {
        return host.controllers.size > 0 || [...host.providers.values()].some(isServed);
      },
      importedValues: (token) => valuesIn(host.imports, token),
    };
  }
}

/** A class of the application, and its instance where there is one for all requests. */
export interface ProvidedInstance {
  readonly type: Type;
  readonly module: string;
  readonly instance: unknown;
  /** Why it is not made when the application starts; `undefined` where it is. */
  readonly perRequest: string | undefined;
}

function perRequestReason(wrapper: Wrapper): string | undefined {
  if (wrapper.scope === Scope.REQUEST) return 'is request-scoped';
  if (wrapper.scope === Scope.TRANSIENT) return 'is transient';
  if (wrapper.isDependencyTreeStatic()) return undefined;
  const injected = [
    ...(wrapper.getCtorMetadata() ?? []),
    ...(wrapper.getPropertiesMetadata() ?? []).map(({ wrapper: dependency }) => dependency),
  ];
  const dependency = injected.find((each) => each !== undefined && !each.isDependencyTreeStatic());
  return dependency === undefined
    ? 'is request-scoped by what it injects'
    : `is request-scoped, as it injects ${String(dependency.name)}`;
}

type Methods = Record<string, unknown>;

/** Values have no metatype, and factories a function that is no class. */
function classOf(wrapper: Wrapper): Type | undefined {
  const metatype = wrapper.metatype as Type | null | undefined;
  if (metatype == null || wrapper.isNotMetatype || wrapper.inject !== undefined) return entryClassOf(wrapper);
  return typeof metatype.prototype === 'object' ? metatype : undefined;
}

/** What providers under a token are, in those of the modules that have one. */
function valuesIn(modules: Iterable<Host>, token: string | symbol): readonly unknown[] {
  return [...modules].flatMap(({ providers }) => {
    const provider = providers.get(token);
    return provider === undefined ? [] : [provider.instance as unknown];
  });
}

/** Nest calls what a factory made, or a value, as it calls what it made itself. */
function entryClassOf({ instance, isAlias }: Wrapper): Type | undefined {
  if (isAlias || instance == null) return undefined;
  const type = (Object.getPrototypeOf(instance) as object | null)?.constructor;
  return typeof type === 'function' && Reflect.hasMetadata(ENTRY_PROVIDER, type) ? (type as Type) : undefined;
}

function isDeclared(layers: readonly DeclarationLayer[]): boolean {
  return layers.some(({ declarations }) => declarations.length > 0);
}

/** A proxy may make a function each time that it is asked for one; the mark of the handler may have come along. */
function isElusive(instance: Methods | undefined | null, method: string): boolean {
  if (instance === undefined || instance === null) return false;
  const { constructor } = instance;
  if (constructor !== instance.constructor) return true;
  const one = instance[method];
  const other = instance[method];
  return one !== other && (typeof one !== 'function' || originalOf(one) === undefined);
}
