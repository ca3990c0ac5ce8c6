import type { ExecutionContext, HttpException, Type } from '@nestjs/common';
import type { CallsOfRequest } from './calls-of-request.js';
import type { Decision, DenialReason } from './decision.js';
import type { Admission, Passage } from './passage.js';
import type { HttpRequest } from './request.js';
import { ANONYMOUS, type Principal } from './principal.js';
import type { AdmissionStep, AuthenticationResult, AuthenticationStep, HandlerFunction } from './route-policy.js';
import type { Transport, TransportCall } from './transport.port.js';

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;
type RpcArgumentsHost = ReturnType<ExecutionContext['switchToRpc']>;
type WsArgumentsHost = ReturnType<ExecutionContext['switchToWs']>;

/** Told how a call ended, by the status that it would have had as an HTTP request. */
export type OutcomeListener = (status: number) => void;

/**
 * One call of one handler over a transport. One HTTP request may carry many, side by side: what is found out about one
 * of them is kept here, where no other call reads it. To guards and policies it is the execution context.
 */
export class Call implements ExecutionContext {
  admission: Admission | undefined = undefined;
  /** As that of the passage. */
  takenFirst: Passage['takenFirst'] = undefined;
  /** Whether the guards let it through. */
  isAllowed = false;
  readonly request: HttpRequest;
  readonly args: TransportCall['args'];
  private readonly asked = { address: false, principal: false };
  private listeners: readonly OutcomeListener[] = [];

  constructor(
    private readonly execution: ExecutionContext,
    private readonly transport: Transport,
    { request, args }: TransportCall,
    /** What is known of the request that carries it. */
    readonly passage: Passage,
    private readonly shared: CallsOfRequest,
    /** The call that it is a part of. */
    readonly origin: Call | undefined,
  ) {
    this.request = request;
    this.args = args;
  }

  /** @internal Use `commitCaller`. */
  commit(principal: Principal, route: object): void {
    this.admission = { principal, route };
    if (principal !== ANONYMOUS) this.passage.isPersonal = true;
  }

  /** A part without rules of its own is let through, and knows whom, as the call that it is a part of. */
  followOrigin(): boolean {
    if (this.origin?.isAllowed !== true) return false;
    this.admission = this.origin.admission;
    this.isAllowed = true;
    return true;
  }

  /** As {@link Passage.firstAsked}: every call is asked for itself, however often its handler is called. */
  firstAsked(stage: 'address' | 'principal'): boolean {
    if (this.asked[stage]) return false;
    this.asked[stage] = true;
    return true;
  }

  /** The credentials are those of the request: they are checked once for all of its calls. */
  authenticate(step: AuthenticationStep): AuthenticationResult | Promise<AuthenticationResult> {
    return this.shared.authenticate(step, this.request);
  }

  /** What the edge says of the request holds for all of its calls. */
  admit(step: AdmissionStep): Decision {
    return this.shared.admit(step, this.request);
  }

  /** True for the first call of the request that is denied for a reason. */
  isFirstDenial(reason: DenialReason): boolean {
    return this.shared.isFirstDenial(reason);
  }

  refusalOf(exception: HttpException, code: string, retryAfter: number | undefined): HttpException {
    return this.transport.refusalOf?.(exception, { code, retryAfter }) ?? exception;
  }

  onOutcome(listener: OutcomeListener): void {
    this.listeners = [...this.listeners, listener];
  }

  /** Whether anybody wants to know how it ends. */
  get isAwaited(): boolean {
    return this.listeners.length > 0;
  }

  end(status: number): void {
    const { listeners } = this;
    this.listeners = [];
    for (const listener of listeners) listener(status);
  }

  getType<T extends string>(): T {
    return this.transport.type as T;
  }

  getClass<T>(): Type<T> {
    return this.execution.getClass<T>();
  }

  getHandler(): HandlerFunction {
    return this.execution.getHandler();
  }

  getArgs<T extends unknown[]>(): T {
    return this.execution.getArgs<T>();
  }

  getArgByIndex<T>(index: number): T {
    return this.execution.getArgByIndex<T>(index);
  }

  switchToHttp(): HttpArgumentsHost {
    return this.execution.switchToHttp();
  }

  switchToRpc(): RpcArgumentsHost {
    return this.execution.switchToRpc();
  }

  switchToWs(): WsArgumentsHost {
    return this.execution.switchToWs();
  }
}
