import type { Decision, DenialReason } from './decision.js';
import type { HttpRequest } from './request.js';
import type { AdmissionStep, AuthenticationResult, AuthenticationStep } from './route-policy.js';

/**
 * What is the same for all calls that one HTTP request carries, so that it is found out once: a body full of calls would
 * be looked through as often as it has calls, and a strategy of the application be run as often.
 */
export class CallsOfRequest {
  private admission: Decision | undefined;
  private readonly results = new Map<AuthenticationStep, AuthenticationResult | Promise<AuthenticationResult>>();
  private readonly denials = new Set<DenialReason>();
  private running: Promise<unknown> | undefined;

  /** Calls have no words of their own for the edge: what it says to one of them, it says to all. */
  admit(step: AdmissionStep, request: HttpRequest): Decision {
    this.admission ??= step(request);
    return this.admission;
  }

  /** Routes that accept the same credentials have the same step. */
  authenticate(step: AuthenticationStep, request: HttpRequest): AuthenticationResult | Promise<AuthenticationResult> {
    const known = this.results.get(step);
    if (known !== undefined) return known;
    // One after the other, as two strategies must not write one request at a time.
    const result = this.running === undefined ? step(request) : this.running.then(() => step(request));
    this.results.set(step, result);
    if (result instanceof Promise) this.running = result.catch(() => undefined);
    return result;
  }

  /** Bans count requests that were denied: one that asks for ten fields was not ten. */
  isFirstDenial(reason: DenialReason): boolean {
    if (this.denials.has(reason)) return false;
    this.denials.add(reason);
    return true;
  }
}
