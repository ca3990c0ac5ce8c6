import { Injectable, type ExecutionContext, HttpException } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Clock } from './clock.js';
import type { Denied } from './decision.js';
import { errorBody, SecurityException } from './errors.js';
import { SecurityEvents } from './events.js';
import type { Principal } from './principal.js';
import { clientAddressOf, httpRequestOf } from './request.js';
import { RoutePolicyRegistry } from './route-policy.registry.js';
import type { GuardedRoute } from './route-policy.js';

/** How a denial is told to the client beside its body. */
export interface DenialAnswer {
  readonly challenges?: readonly string[] | undefined;
  readonly redirect?: { readonly url: string; readonly status: number } | undefined;
  /** Thrown in place of a `SecurityException`. */
  readonly exception?: HttpException | undefined;
  /** The name of the limit that denied, for the event. */
  readonly limit?: string | undefined;
  readonly contentType?: string | undefined;
}

/** Carries out decisions: publishes them, sets the headers of a denial and throws it. */
@Injectable()
export class Enforcer {
  constructor(
    private readonly routes: RoutePolicyRegistry,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  routeOf(execution: ExecutionContext): GuardedRoute | undefined {
    return this.routes.find(execution.getClass(), execution.getHandler());
  }

  allow(execution: ExecutionContext, principal: Principal | undefined): true {
    if (this.events.observed) this.publish(execution, undefined, principal);
    return true;
  }

  deny(execution: ExecutionContext, denial: Denied, principal?: Principal, answer: DenialAnswer = {}): never {
    if (this.events.observed) this.publish(execution, denial, principal, answer.limit);
    const http = execution.getType() === 'http';
    if (http) this.events.onDenial(denial.reason, httpRequestOf(execution));
    if (http && answer.redirect !== undefined) {
      this.setHeader(execution, 'Location', answer.redirect.url);
      const { status } = answer.redirect;
      throw new HttpException(
        errorBody(status, 'Continue at the identity provider', 'authentication_redirect'),
        status,
      );
    }
    if (http && answer.challenges !== undefined && answer.challenges.length > 0) {
      this.setHeader(
        execution,
        'WWW-Authenticate',
        answer.challenges.length === 1 ? answer.challenges[0] : answer.challenges,
      );
    }
    if (http && answer.contentType !== undefined) this.setHeader(execution, 'Content-Type', answer.contentType);
    throw answer.exception ?? new SecurityException(denial);
  }

  /** Publishes a denial that something else answers, such as an exception thrown by a policy. */
  observeDenial(execution: ExecutionContext, denial: Denied, principal?: Principal): void {
    if (this.events.observed) this.publish(execution, denial, principal);
    if (execution.getType() === 'http') this.events.onDenial(denial.reason, httpRequestOf(execution));
  }

  /** Publishes what is recorded only: the request goes on. */
  recordDenial(execution: ExecutionContext, denial: Denied, principal: Principal | undefined, limit?: string): void {
    if (this.events.observed) this.publish(execution, denial, principal, limit, false);
  }

  private setHeader(execution: ExecutionContext, name: string, value: unknown): void {
    this.adapterHost.httpAdapter.setHeader(execution.getArgByIndex(1), name, value as string);
  }

  private publish(
    execution: ExecutionContext,
    denial: Denied | undefined,
    principal: Principal | undefined,
    limit?: string,
    enforced?: false,
  ): void {
    const transport = execution.getType<string>();
    const request = transport === 'http' ? httpRequestOf(execution) : undefined;
    this.events.emit({
      type: 'decision',
      time: this.clock.now(),
      allowed: denial === undefined,
      reason: denial?.reason,
      enforced,
      limit,
      route: `${execution.getClass().name}.${execution.getHandler().name}`,
      transport,
      method: request?.method,
      address: request && clientAddressOf(request),
      principalId: principal?.id,
      principalKind: principal?.kind,
      tenant: principal?.tenant,
      scheme: principal?.scheme,
    });
  }
}
