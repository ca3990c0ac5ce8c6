import { HttpException } from '@nestjs/common';
import {
  ApplicationFunctionError,
  dropPromise,
  failureOf,
  isThenable,
  type ApplicationFunctions,
  type Patience,
} from '../core/application-functions.js';
import { describe } from '../core/options.rules.js';
import type { KeyNormalization } from './key-text.policy.js';
import type { RateLimitContext } from './rate-limiting.options.js';

const AT_ONCE = 'answered with a promise: answer at once';

/** Asks the functions of the application that limits go by, and reports those that fail. */
export class LimitFunctions {
  private readonly patience: Patience;

  constructor(private readonly functions: Pick<ApplicationFunctions, 'patience' | 'report'>) {
    this.patience = functions.patience();
  }

  report(failure: ApplicationFunctionError): void {
    this.functions.report(failure);
  }

  /**
   * Makes a failure count as no answer: a request without a body must not become an error of the server by that.
   *
   * @param isAnswer tells the answers that can be used; others are `expected` to be something else
   */
  orNothing<T>(
    ask: (context: RateLimitContext) => T,
    where: string,
    isAnswer: (answer: unknown) => boolean = () => true,
    expected = '',
  ): (context: RateLimitContext) => T | undefined {
    return (context) => {
      try {
        const answer = ask(context);
        if (dropPromise(answer)) throw new ApplicationFunctionError(where, AT_ONCE);
        if (isAnswer(answer)) return answer;
        throw new ApplicationFunctionError(where, `answered with ${describe(answer)}, not with ${expected}`);
      } catch (error) {
        this.report(failureOf(error, where, inputOf(context)));
        return undefined;
      }
    };
  }

  /** @throws ApplicationFunctionError where a function of the application does not answer with text */
  normalization<N extends KeyNormalization | undefined>(normalize: N, where: string): N {
    if (typeof normalize !== 'function') return normalize;
    const checked: (key: string) => string = (key) => {
      let text: unknown;
      try {
        text = normalize(key);
      } catch (error) {
        throw failureOf(error, where, [key]);
      }
      if (typeof text === 'string') return text;
      throw new ApplicationFunctionError(
        where,
        dropPromise(text) ? AT_ONCE : `answered with ${describe(text)}, not with text`,
      );
    };
    return checked as N;
  }

  /** Judges an answer by its status; whatever breaks while it is judged counts (fails closed). */
  counting(counts: (status: number) => boolean, where: string): (status: number) => boolean {
    return (status) => {
      try {
        const answer: unknown = counts(status);
        if (typeof answer === 'boolean') return answer;
        const problem = dropPromise(answer) ? AT_ONCE : `answered with ${describe(answer)}, not with true or false`;
        this.report(new ApplicationFunctionError(where, problem));
      } catch (error) {
        this.report(failureOf(error, where));
      }
      return true;
    };
  }

  /**
   * Waits for an answer, where it comes later.
   *
   * @throws ApplicationFunctionError where there is none in time; exceptions of Nest are thrown as they are
   */
  async answerOf(ask: () => unknown, where: string, input: unknown): Promise<unknown> {
    try {
      const answer = ask();
      return isThenable(answer) ? await this.patience.await(answer, where) : answer;
    } catch (error) {
      throw error instanceof HttpException ? error : failureOf(error, where, input);
    }
  }

  /** As {@link answerOf}, for what has to answer at once. */
  answerAtOnce(ask: () => unknown, where: string, input: unknown): unknown {
    let answer: unknown;
    try {
      answer = ask();
    } catch (error) {
      throw error instanceof HttpException ? error : failureOf(error, where, input);
    }
    if (dropPromise(answer)) throw new ApplicationFunctionError(where, AT_ONCE);
    return answer;
  }
}

/** What a function is told of a request, which the log must not repeat. */
export function inputOf({ request, principal, args }: RateLimitContext): unknown {
  return [request.url, request.headers, request.query, request.body, args, principal?.id, principal?.claims];
}
