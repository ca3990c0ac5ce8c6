import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { admits, begun, CLOSED, failed, retryAfter, succeeded, type CircuitState } from './circuit-breaker.policy.js';

const RULES = { failureThreshold: 3, halfOpenAfter: 1000 };

function failTimes(times: number, state: CircuitState = CLOSED, now = 0): CircuitState {
  return times === 0 ? state : failTimes(times - 1, failed(state, state.era, now, RULES), now);
}

describe('the circuit breaker', () => {
  it('opens after failures in a row', () => {
    expect(failTimes(2).kind).toBe('closed');
    expect(failTimes(3)).toEqual({ kind: 'open', era: 1, until: 1000 });
  });

  it('counts anew after a success', () => {
    const state = succeeded(failTimes(2), 0);
    expect(failTimes(2, state).kind).toBe('closed');
    expect(failTimes(3, state).kind).toBe('open');
  });

  it('makes no state anew for a success after a success', () => {
    expect(succeeded(CLOSED, 0)).toBe(CLOSED);
  });

  it('admits nobody while it is open, and one call after that', () => {
    const open = failTimes(3);
    expect(admits(open, 999)).toBe(false);
    expect(admits(open, 1000)).toBe(true);
    expect(admits(begun(open), 5000)).toBe(false);
  });

  it('closes when that call succeeds, and opens for as long again when it fails', () => {
    const trying = begun(failTimes(3));
    expect(succeeded(trying, trying.era)).toMatchObject({ kind: 'closed', failures: 0 });
    expect(failed(trying, trying.era, 1500, RULES)).toMatchObject({ kind: 'open', until: 2500 });
  });

  it('learns nothing from calls that were made before it opened', () => {
    const open = failTimes(3);
    for (const state of [open, begun(open), succeeded(begun(open), 2)]) {
      expect(succeeded(state, CLOSED.era)).toBe(state);
      expect(failed(state, CLOSED.era, 1500, RULES)).toBe(state);
    }
  });

  it('says when to come back', () => {
    expect(retryAfter(failTimes(3), 250, RULES)).toBe(750);
    expect(retryAfter(failTimes(3), 2000, RULES)).toBe(1);
    expect(retryAfter(failTimes(2), 250, RULES)).toBe(1000);
  });

  it('never has two calls under way unless it is closed', () => {
    const steps = fc.array(fc.constantFrom('call', 'succeed', 'fail', 'wait'), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (schedule) => {
        let state = CLOSED;
        let now = 0;
        const underWay: number[] = [];
        for (const step of schedule) {
          if (step === 'wait') now += 400;
          if (step === 'call' && admits(state, now)) {
            const trying = state.kind === 'open';
            state = begun(state);
            if (trying) expect(underWay.filter((era) => era === state.era)).toEqual([]);
            underWay.push(state.era);
          }
          const era = step === 'succeed' || step === 'fail' ? underWay.shift() : undefined;
          if (era === undefined) continue;
          state = step === 'succeed' ? succeeded(state, era) : failed(state, era, now, RULES);
        }
      }),
    );
  });
});
