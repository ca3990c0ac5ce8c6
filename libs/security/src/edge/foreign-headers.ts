import { Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { SecurityConfigurationError, type ConfigurationProblem } from '../core/errors.js';
import { usedIn, type RouterLayer } from './express-layers.js';
import { usedMiddleware, type UsedMiddleware } from './used-middleware.js';

type HttpAdapter = HttpAdapterHost['httpAdapter'];
type SecurityHook = (request: object, response: object) => unknown;

/** What is asked of Nest's adapters. */
interface WritesHeaders {
  enableCors?: (...parameters: unknown[]) => unknown;
  use?: (...parameters: unknown[]) => unknown;
  /** Of Nest 12.1 and later. */
  registerSecurityHook?: (hook: SecurityHook) => unknown;
}

/** What is asked of the frameworks. */
interface Framework {
  readonly router?: { readonly stack?: readonly RouterLayer[] };
  hasPlugin?(name: string): boolean;
  addHook?(name: 'onReady', hook: (done: (error?: Error) => void) => void): void;
}

/** The parts of the edge whose fields the options say. */
export interface DeclaredHeaders {
  readonly cors: boolean;
  readonly headers: boolean;
}

const ENABLE_CORS = 'app.enableCors(), or { cors } of NestFactory.create';

/**
 * Finds what else in the application sets the fields of the edge on every answer. Whatever it is, it cannot let in more
 * origins than `cors` says: its fields are replaced when the head of the answer is written. But a rule that is without
 * effect, or two rules of which only one holds, mislead whoever reads them.
 */
export class ForeignHeaders {
  private readonly logger = new Logger('SecurityModule');
  private framework: Framework | undefined;
  private hook: SecurityHook | undefined;
  private hasEnabledCors = false;
  /** On Fastify, which keeps no list. */
  private readonly used: UsedMiddleware[] = [];

  constructor(private readonly declared: DeclaredHeaders) {}

  watch(adapter: HttpAdapter): void {
    const methods = adapter as unknown as WritesHeaders;
    this.framework = adapter.getInstance<Framework>();
    const { enableCors, registerSecurityHook, use } = methods;
    if (typeof enableCors === 'function') {
      methods.enableCors = (...parameters) => {
        if (this.declared.cors) throw new SecurityConfigurationError([saidTwice(ENABLE_CORS)]);
        this.hasEnabledCors = true;
        return enableCors.apply(adapter, parameters);
      };
    }
    if (typeof registerSecurityHook === 'function') {
      methods.registerSecurityHook = (hook) => {
        this.hook = hook;
        return registerSecurityHook.call(adapter, hook);
      };
    }
    if (adapter.getType() !== 'fastify') return;
    if (typeof use === 'function') {
      methods.use = (...parameters) => {
        this.used.push(...usedMiddleware(parameters));
        return use.apply(adapter, parameters);
      };
    }
    // Plugins are there by then.
    this.framework.addHook?.('onReady', (done) => {
      try {
        this.checkPlugins();
        done();
      } catch (error) {
        done(error as Error);
      }
    });
  }

  /** @throws SecurityConfigurationError when a middleware of the application says which other origins may call */
  check(): void {
    const used = [...usedIn(this.framework?.router?.stack ?? []), ...this.used];
    const uses = (name: string) => used.filter(({ handle }) => handle.name === name);
    const cors = uses('corsMiddleware').map(({ path }) => useOf('cors()', path));
    if (cors.length > 0 && this.declared.cors) throw new SecurityConfigurationError(cors.map(saidTwice));
    if (this.hasEnabledCors) this.warnOfCors(ENABLE_CORS);
    else for (const where of cors) this.warnOfCors(where);
    for (const { path } of uses('helmetMiddleware')) this.warnOfHeaders(useOf('helmet()', path));
    if (this.hook !== undefined && setsFields(this.hook)) this.warnOfHeaders('app.useSecurityHeaders()');
  }

  private checkPlugins(): void {
    if (this.framework?.hasPlugin?.('@fastify/cors') === true && !this.hasEnabledCors) {
      if (this.declared.cors) throw new SecurityConfigurationError([saidTwice('@fastify/cors')]);
      this.warnOfCors('@fastify/cors');
    }
    if (this.framework?.hasPlugin?.('@fastify/helmet') === true) this.warnOfHeaders('@fastify/helmet');
  }

  private warnOfCors(where: string): void {
    this.logger.warn(
      `${where} says which other origins may call, as cors of SecurityModule.forRoot is left out: it holds for every route without @Cors. ` +
        'Move its origins to cors.origins, or set cors to false for none',
    );
  }

  private warnOfHeaders(where: string): void {
    if (!this.declared.headers) return;
    this.logger.warn(
      `${where} sets security headers beside headers of SecurityModule.forRoot: each field that both set has its value, ` +
        'Content-Security-Policy, X-Frame-Options and @ContentSecurityPolicy included. Remove it, or set headers to false',
    );
  }
}

function saidTwice(where: string): ConfigurationProblem {
  return {
    where,
    problem: 'says which other origins may call, and so does cors of SecurityModule.forRoot',
    fix: 'Remove it, and list its origins in cors.origins or @Cors; or leave cors out, so that it alone holds',
  };
}

function useOf(middleware: string, path: string | undefined): string {
  return path === undefined ? `app.use(${middleware})` : `app.use('${path}', ${middleware})`;
}

/** Nest has one hook for its headers and its protection against CSRF, and does not say for which of them it is there. */
function setsFields(hook: SecurityHook): boolean {
  let isSet = false;
  const set = (): void => {
    isSet = true;
  };
  try {
    hook({ method: 'GET', url: '/', headers: {} }, { setHeader: set, removeHeader: set });
  } catch {
    // Then it is not the one that Nest has today.
  }
  return isSet;
}
