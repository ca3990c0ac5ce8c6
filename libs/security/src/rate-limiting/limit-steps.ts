import type { LimitDenial, LimitStep } from '../core/route-policy.js';

/** The steps of a route's limits; a stage without limits has none. */
export interface LimitSteps {
  readonly limitAddress: LimitStep | undefined;
  readonly limitPrincipal: LimitStep | undefined;
  /** Both stages in one question; absent where there is but one, or two questions cost no more. */
  readonly limitBoth?: LimitStep | undefined;
}

export const NO_STEPS: LimitSteps = Object.freeze({ limitAddress: undefined, limitPrincipal: undefined });

/** Asks the second where the first allows. */
export function inTurn(first: LimitSteps, second: LimitSteps): LimitSteps {
  if (second === NO_STEPS) return first;
  return {
    limitAddress: joined(first.limitAddress, second.limitAddress),
    limitPrincipal: joined(first.limitPrincipal, second.limitPrincipal),
    limitBoth: first.limitBoth && joined(first.limitBoth, joined(second.limitAddress, second.limitPrincipal)),
  };
}

function joined(first: LimitStep | undefined, second: LimitStep | undefined): LimitStep | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return (execution, principal) => {
    const goOn = (denial: LimitDenial | undefined) => denial ?? second(execution, principal);
    const denial = first(execution, principal);
    return denial instanceof Promise ? denial.then(goOn) : goOn(denial);
  };
}
