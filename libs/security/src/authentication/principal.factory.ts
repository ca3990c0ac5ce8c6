import { HttpException, Logger } from '@nestjs/common';
import { ApplicationFunctionError, failureOf, isThenable, type Patience } from '../core/application-functions.js';
import { describe } from '../core/options.rules.js';
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

const WHERE = 'authentication.principal';

/** Makes principals for one scheme: from what the application's function answers, or by the scheme's own mapping. */
export class Principals {
  private readonly logger = new Logger('SecurityModule');
  private readonly told = new Set<string>();

  constructor(
    private readonly scheme: string,
    private readonly factory: PrincipalFactory | undefined,
    private readonly mapping: (verified: Verified) => Made,
    private readonly patience: Patience,
  ) {}

  /** True when the principal follows from what was verified alone, so that it may be remembered with it. */
  get pure(): boolean {
    return this.factory === undefined;
  }

  /**
   * `undefined` for nobody: the caller is not known, or the answer is not a valid principal (fails closed). A function that
   * breaks is another matter: an {@link ApplicationFunctionError}, or the `HttpException` that it chose for an answer.
   */
  from(verified: Verified): Principal | undefined | Promise<Principal | undefined> {
    if (this.factory === undefined) return this.checked(this.mapping(verified), verified);
    let made: Made | Promise<Made>;
    try {
      made = this.factory(verified, this.scheme);
    } catch (error) {
      throw brokenBy(error, verified);
    }
    if (!isThenable<Made>(made)) return this.checked(made, verified);
    // Query builders answer with what is awaitable and no Promise.
    return this.patience.await(made, WHERE).then(
      (settled) => this.checked(settled, verified),
      (error: unknown) => {
        throw brokenBy(error, verified);
      },
    );
  }

  private checked(made: Made, verified: Verified): Principal | undefined {
    if (made === undefined || made === null) return undefined;
    if (typeof made !== 'object' || Array.isArray(made)) {
      throw new ApplicationFunctionError(
        WHERE,
        `answered with ${describe(made)}, not with a principal: answer { id, roles, … }, or undefined for nobody`,
      );
    }
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

/** An exception of Nest is the answer that the application chose. */
function brokenBy(error: unknown, verified: Verified): unknown {
  return error instanceof HttpException ? error : failureOf(error, WHERE, verified);
}
