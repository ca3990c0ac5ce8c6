/** When a circuit breaker trips, and when it lets somebody try again. */
export interface CircuitBreakerRules {
  /** Failures in a row. */
  readonly failureThreshold: number;
  /** Milliseconds. */
  readonly halfOpenAfter: number;
}

/**
 * Closed: calls are made. Open: none is, until that moment. Half-open: one is under way, and what becomes of it decides.
 * The era tells the calls of one such time from those of another.
 */
export type CircuitState =
  | { readonly kind: 'closed'; readonly era: number; readonly failures: number }
  | { readonly kind: 'open'; readonly era: number; readonly until: number }
  | { readonly kind: 'half-open'; readonly era: number };

export const CLOSED: CircuitState = Object.freeze({ kind: 'closed', era: 0, failures: 0 });

/** Whether a call may be made now; whoever makes it goes on with the state of {@link begun}. */
export function admits(state: CircuitState, now: number): boolean {
  return state.kind === 'closed' || (state.kind === 'open' && now >= state.until);
}

/** A call is made: where the circuit was open, it is the one that tries. */
export function begun(state: CircuitState): CircuitState {
  return state.kind === 'open' ? { kind: 'half-open', era: state.era + 1 } : state;
}

/** A call of that era succeeded. */
export function succeeded(state: CircuitState, era: number): CircuitState {
  // Calls from before the circuit opened say nothing of now.
  if (era !== state.era || state.kind === 'open') return state;
  if (state.kind === 'closed' && state.failures === 0) return state;
  return { kind: 'closed', era: state.kind === 'closed' ? era : era + 1, failures: 0 };
}

/** A call of that era failed. */
export function failed(state: CircuitState, era: number, now: number, rules: CircuitBreakerRules): CircuitState {
  if (era !== state.era || state.kind === 'open') return state;
  const failures = state.kind === 'closed' ? state.failures + 1 : Infinity;
  if (failures < rules.failureThreshold) return { kind: 'closed', era, failures };
  return { kind: 'open', era: era + 1, until: now + rules.halfOpenAfter };
}

/** Milliseconds until a call may be made again. */
export function retryAfter(state: CircuitState, now: number, { halfOpenAfter }: CircuitBreakerRules): number {
  return state.kind === 'open' ? Math.max(1, Math.ceil(state.until - now)) : halfOpenAfter;
}
