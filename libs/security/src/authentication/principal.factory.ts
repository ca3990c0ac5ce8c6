import { Logger } from '@nestjs/common';
import {
  createPrincipal,
  principalProblem,
  readPrincipal,
  type Principal,
  type PrincipalInit,
} from '../core/principal.js';
import type { PrincipalFactory } from './authentication.options.js';

type Verified = Readonly<Record<string, unknown>>;
type Made = PrincipalInit | undefined;

/** Makes principals for one scheme: from what the application's function answers, or by the scheme's own mapping. */
export class Principals {
  private readonly logger = new Logger('SecurityModule');
  private readonly told = new Set<string>();

  constructor(
    private readonly scheme: string,
    private readonly factory: PrincipalFactory | undefined,
    private readonly mapping: (verified: Verified) => Made,
  ) {}

  /** True when the principal follows from what was verified alone, so that it may be remembered with it. */
  get pure(): boolean {
    return this.factory === undefined;
  }

  /** `undefined` for nobody: the caller is not known, or the answer is no principal (fails closed). */
  from(verified: Verified): Principal | undefined | Promise<Principal | undefined> {
    const made = this.factory === undefined ? this.mapping(verified) : this.factory(verified, this.scheme);
    // Query builders answer with what is awaitable and no Promise.
    return isThenable(made)
      ? Promise.resolve(made).then((settled) => this.checked(settled, verified))
      : this.checked(made, verified);
  }

  private checked(made: Made, verified: Verified): Principal | undefined {
    if (made === undefined || made === null) return undefined;
    if (typeof made !== 'object') return this.refuse('is no object');
    const init = readPrincipal(made);
    const problem = principalProblem(init);
    if (problem !== undefined) return this.refuse(problem);
    return createPrincipal(init.claims === undefined ? { ...init, claims: verified } : init, this.scheme);
  }

  /** Names the problem, never the value. */
  private refuse(problem: string): undefined {
    if (this.told.has(problem)) return;
    this.told.add(problem);
    this.logger.warn(`The principal of scheme "${this.scheme}" ${problem}: the caller is refused`);
  }
}

function isThenable(value: unknown): value is Promise<Made> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function';
}
