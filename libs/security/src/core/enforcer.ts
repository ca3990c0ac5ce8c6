import { Inject, Injectable, Logger, type ExecutionContext, HttpException } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Clock } from './clock.js';
import { denied, type Denied } from './decision.js';
import { errorBody, PROBLEM, PROBLEM_DOCUMENTS, SecurityException } from './errors.js';
import { SecurityEvents } from './events.js';
import type { Principal } from './principal.js';
import { Call } from './call.js';
import { messageRefusal } from './message-refusals.js';
import type { AnswerField } from './passage.js';
import { carriesRequest, clientAddressOf, httpRequestOf } from './request.js';
import { RoutePolicyRegistry } from './route-policy.registry.js';
import type { GuardedRoute } from './route-policy.js';
import { Transports } from './transports.js';

const TRANSPORT_UNSUPPORTED = denied('transport_unsupported');

/** How a denial is told to the client beside its body. */
export interface DenialAnswer {
  readonly challenges?: readonly string[] | undefined;
  readonly redirect?: { readonly url: string; readonly status: number } | undefined;
  /** Thrown in place of a `SecurityException`. */
  readonly exception?: HttpException | undefined;
  /** The name of the limit that denied, for the event. */
  readonly limit?: string | undefined;
  /** Header fields that go with the answer, where there is one for the denial alone. */
  readonly fields?: readonly AnswerField[] | undefined;
}

/** Carries out decisions: publishes them, sets the headers of a denial and throws it. */
@Injectable()
export class Enforcer {
  private readonly logger = new Logger('SecurityModule');
  private readonly reported = new WeakSet<object>();

  constructor(
    private readonly routes: RoutePolicyRegistry,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly adapterHost: HttpAdapterHost,
    private readonly transports: Transports,
    @Inject(PROBLEM_DOCUMENTS) private readonly tellsProblems: boolean,
  ) {}

  /**
   * What guards look at in place of an execution: itself over HTTP, and where no transport is there for it; otherwise the call.
   * What comes over a transport without a request that passed the edge is denied, public or not (fails closed).
   */
  receive(execution: ExecutionContext): ExecutionContext {
    const type = execution.getType<string>();
    if (type === 'http' || !this.transports.serves(type)) return execution;
    return this.transports.receive(execution) ?? this.deny(execution, TRANSPORT_UNSUPPORTED);
  }

  routeOf(execution: ExecutionContext): GuardedRoute | undefined {
    return this.routes.find(execution.getClass(), execution.getHandler());
  }

  allow(execution: ExecutionContext, principal: Principal | undefined): true {
    if (this.events.observed) this.publish(execution, undefined, principal);
    if (execution instanceof Call) execution.isAllowed = true;
    return true;
  }

  deny(execution: ExecutionContext, denial: Denied, principal?: Principal, answer: DenialAnswer = {}): never {
    if (this.events.observed) this.publish(execution, denial, principal, answer.limit);
    this.tellWatch(execution, denial);
    const http = execution.getType() === 'http';
    if (http && denial.reason === 'route_unknown') this.reportUnknown(execution);
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
    const exception = answer.exception ?? new SecurityException(denial);
    if (http) {
      if (this.tellsProblems && canBeProblem(exception)) {
        this.setHeader(execution, 'Content-Type', PROBLEM);
        exception.becomeProblem(answer.limit);
      }
      throw exception;
    }
    const seconds = secondsIn(answer.fields);
    throw execution instanceof Call
      ? execution.refusalOf(exception, denial.reason, seconds)
      : messageRefusal(execution, exception, denial.reason, seconds);
  }

  /** Publishes a denial that something else answers, such as an exception thrown by a policy. */
  observeDenial(execution: ExecutionContext, denial: Denied, principal?: Principal): void {
    if (this.events.observed) this.publish(execution, denial, principal);
    this.tellWatch(execution, denial);
  }

  /** Publishes what is recorded only: the request goes on. */
  recordDenial(execution: ExecutionContext, denial: Denied, principal: Principal | undefined, limit?: string): void {
    if (this.events.observed) this.publish(execution, denial, principal, limit, false);
  }

  /** Says once for a class that nobody can call its handlers: the start saw other functions in their place. */
  private reportUnknown(execution: ExecutionContext): void {
    const type = execution.getClass();
    if (this.reported.has(type)) return;
    this.reported.add(type);
    this.logger.error(
      `${type.name}.${execution.getHandler().name} is denied to everybody (route_unknown): the function that was called was not ` +
        'there when the application started. If a constructor binds or wraps methods of a request-scoped controller, or ' +
        'something replaces them later, wrap the method of the class instead, or copy its metadata to the replacement',
    );
  }

  private tellWatch(execution: ExecutionContext, { reason }: Denied): void {
    if (!carriesRequest(execution)) return;
    if (execution instanceof Call && !execution.isFirstDenial(reason)) return;
    this.events.onDenial(reason, httpRequestOf(execution));
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
    const request = carriesRequest(execution) ? httpRequestOf(execution) : undefined;
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

interface CanBeProblem {
  becomeProblem(limit: string | undefined): void;
}

function canBeProblem(exception: HttpException): exception is HttpException & CanBeProblem {
  return typeof (exception as Partial<CanBeProblem>).becomeProblem === 'function';
}

function secondsIn(fields: readonly AnswerField[] | undefined): number | undefined {
  const field = fields?.find(({ key }) => key === 'retry-after');
  return field && Number(field.value);
}
