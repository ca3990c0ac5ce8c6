import { Injectable, Logger } from '@nestjs/common';
import { Clock } from './clock.js';
import { Deadlines } from './deadlines.js';
import { failureText } from './failure-text.js';
import { Scheduler } from './scheduler.js';

/** Milliseconds for which a failure is not logged again: whoever causes it may do so as often as they like. */
const QUIET = 60_000;

/** The most failures that are told apart; places and problems come from code and configuration. */
const MOST_KNOWN = 1000;

/** Milliseconds for a function that answers later, where the application gives no time. */
const DEFAULT_TIME = 10_000;

/** A function of the application gave no answer that can be used: an error of the server, never of the client. */
export class ApplicationFunctionError extends Error {
  constructor(
    /** The option or the class, as the application calls it. */
    readonly where: string,
    readonly problem: string,
    options: { readonly cause?: unknown; readonly input?: unknown } = {},
  ) {
    super(`${where} ${problem}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'ApplicationFunctionError';
    // Not to be shown by whatever prints an error with its properties.
    Object.defineProperty(this, 'input', { value: options.input, enumerable: false });
  }

  /** What the function was given, which its message must not repeat in a log. */
  declare readonly input: unknown;
}

/** Waits for functions of the application, each only for so long. */
export interface Patience {
  /**
   * Settles as the promise does, or rejects with an {@link ApplicationFunctionError} when the time is over. What comes
   * later is dropped.
   */
  await<T>(pending: PromiseLike<T>, where: string): Promise<T>;
}

/**
 * The functions of the application that are called while serving: logs what goes wrong with them, in lines that are
 * bounded in number and length and show no secret, and ends waiting for those that do not answer.
 */
@Injectable()
export class ApplicationFunctions {
  private readonly logger = new Logger('SecurityModule');
  private readonly logged = new Map<string, { at: number; since: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly scheduler: Scheduler,
  ) {}

  /** @param seconds the time that the application gives, where it gives one */
  patience(seconds?: number): Patience {
    const deadlines = new Deadlines(seconds === undefined ? DEFAULT_TIME : seconds * 1000, this.scheduler);
    return {
      await: <T>(pending: PromiseLike<T>, where: string) =>
        new Promise<T>((resolve, reject) => {
          const done = deadlines.add(() =>
            reject(new ApplicationFunctionError(where, `did not answer within ${deadlines.time / 1000} seconds`)),
          );
          // Adopted by a promise of our own: some thenables throw, or settle twice.
          Promise.resolve(pending).then(
            (value) => {
              done();
              resolve(value);
            },
            (error: unknown) => {
              done();
              // oxlint-disable-next-line prefer-promise-reject-errors
              reject(error);
            },
          );
        }),
    };
  }

  /** Logs a failure, and the same one again after a minute at the earliest. */
  report({ where, problem, cause, input }: ApplicationFunctionError): void {
    const key = `${where} ${problem}`;
    const now = this.clock.now();
    const last = this.logged.get(key);
    if (last !== undefined && Math.abs(now - last.at) < QUIET) {
      last.since += 1;
      return;
    }
    if (last === undefined && this.logged.size >= MOST_KNOWN) return;
    this.logged.set(key, { at: now, since: 0 });
    const repeated = last === undefined || last.since === 0 ? '' : `, and ${last.since} more times since`;
    this.logger.error(`${key}${repeated}`, cause === undefined ? undefined : failureText(cause, input));
  }
}

/** The failure that an error stands for: itself, or what a function of the application threw. */
export function failureOf(error: unknown, where: string, input?: unknown): ApplicationFunctionError {
  return error instanceof ApplicationFunctionError
    ? error
    : new ApplicationFunctionError(where, 'threw an error', { cause: error, input });
}

/** Drops a promise where a value was expected: were it rejected, with nobody waiting, Node would end the process. */
export function dropPromise(answer: unknown): boolean {
  if (!isThenable(answer)) return false;
  Promise.resolve(answer).catch(() => undefined);
  return true;
}

/** Query builders and other classes are awaitable and no `Promise`. */
export function isThenable<T = unknown>(value: unknown): value is PromiseLike<T> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
