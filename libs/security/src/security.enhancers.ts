import { Inject, Injectable, type CanActivate, type NestInterceptor, type PipeTransform } from '@nestjs/common';
import { ModuleRef, type ApplicationConfig } from '@nestjs/core';
import { SecurityConfigurationError } from './core/errors.js';
import { UnreadableBodyFilter } from './validation/unreadable-body.filter.js';

export const GLOBAL_GUARD = Symbol('palisade.global-guard');
/** `null` where validation is switched off. */
export const GLOBAL_PIPE = Symbol('palisade.global-pipe');
/** `null` where no class has masked fields. */
export const GLOBAL_INTERCEPTOR = Symbol('palisade.global-interceptor');

/**
 * Puts the package's guard, pipe, interceptor and filter before those of the application. Nest runs global enhancers in the
 * order of registration, and registers `APP_GUARD` and its siblings module by module, the root module first: a guard of
 * the application would run before anybody is authenticated. It does so once every provider was constructed; whatever
 * is registered by a constructor comes first, also for gateways and microservices, which are prepared before `configure`.
 */
@Injectable()
export class GlobalEnhancers {
  constructor(
    private readonly moduleRef: ModuleRef,
    @Inject(GLOBAL_GUARD) private readonly guard: CanActivate,
    @Inject(GLOBAL_PIPE) private readonly pipe: PipeTransform | null,
    @Inject(GLOBAL_INTERCEPTOR) private readonly interceptor: NestInterceptor | null,
    private readonly filter: UnreadableBodyFilter,
  ) {}

  /** To be called from a constructor. */
  install(): void {
    const config = applicationConfigOf(this.moduleRef);
    config.addGlobalGuard(this.guard);
    if (this.pipe !== null) config.addGlobalPipe(this.pipe);
    if (this.interceptor !== null) config.addGlobalInterceptor(this.interceptor);
    config.addGlobalFilter(this.filter);
    this.settle();
  }

  /** To be called again before routes are registered: the application may have edited the lists of Nest by hand. */
  settle(): void {
    const config = applicationConfigOf(this.moduleRef);
    putFirst(config.getGlobalGuards(), (guard) => guard === this.guard);
    putFirst(config.getGlobalPipes(), (pipe) => pipe === this.pipe);
    putFirst(config.getGlobalInterceptors(), (interceptor) => interceptor === this.interceptor);
    // Nest asks filters from the last to the first.
    putLast(config.getGlobalFilters(), (filter) => filter === this.filter);
  }
}

/** @throws SecurityConfigurationError when this version of Nest keeps its configuration elsewhere (fails closed) */
export function applicationConfigOf(moduleRef: ModuleRef): ApplicationConfig {
  const { container } = moduleRef as unknown as { container?: { applicationConfig?: ApplicationConfig } };
  if (container?.applicationConfig !== undefined) return container.applicationConfig;
  throw new SecurityConfigurationError([
    {
      where: 'SecurityModule',
      problem: 'cannot register its global guard with this version of @nestjs/core',
      fix: 'Use a version that the peer dependencies of @palisade/nest name',
    },
  ]);
}

function putFirst<T>(list: T[], isOurs: (item: T) => boolean): void {
  const index = list.findIndex(isOurs);
  if (index > 0) list.unshift(...list.splice(index, 1));
}

function putLast<T>(list: T[], isOurs: (item: T) => boolean): void {
  const index = list.findIndex(isOurs);
  if (index >= 0) list.push(...list.splice(index, 1));
}
