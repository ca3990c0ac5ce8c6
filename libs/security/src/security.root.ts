import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SecurityConfigurationError } from './core/errors.js';
import { GlobalEnhancers } from './security.enhancers.js';

/**
 * Stops the start where `SecurityModule` is not made when the application starts: a request-scoped dependency of
 * `forRootAsync` would have the whole module made for each request, and Nest would leave out its guard without a word.
 */
@Injectable()
export class StaticRoot implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  onModuleInit(): void {
    for (const module of this.modules.values()) {
      const enhancers = module.providers.get(GlobalEnhancers);
      if (enhancers === undefined || enhancers.isDependencyTreeStatic()) continue;
      throw notStatic();
    }
  }
}

/** Nest hands out an instance whose constructor never ran. */
export function assertConstructed(enhancers: GlobalEnhancers | undefined): asserts enhancers is GlobalEnhancers {
  if (enhancers === undefined) throw notStatic();
}

function notStatic(): SecurityConfigurationError {
  return new SecurityConfigurationError([
    {
      where: 'SecurityModule.forRootAsync',
      problem: 'injects a request-scoped provider, so that there are no options when the application starts',
      fix: 'Inject providers of the default scope, such as ConfigService',
    },
  ]);
}
