import { ApplicationFunctionError, dropPromise, failureOf } from '../../core/application-functions.js';
import { describe } from '../../core/options.rules.js';

type Accept = (name: string, value: string) => boolean;

/**
 * Wraps a rule of the application for names and values. One that throws or does not answer with true or false accepts
 * nothing (fails closed): it reads what clients send, and most often stumbles over that; the failure is reported all the same.
 */
export function reportingAccept(
  accept: Accept | undefined,
  where: string,
  report: (failure: ApplicationFunctionError) => void,
): Accept | undefined {
  if (accept === undefined) return undefined;
  return (name, value) => {
    let answer: unknown;
    try {
      answer = accept(name, value);
    } catch (error) {
      report(failureOf(error, where, [name, value]));
      return false;
    }
    if (typeof answer === 'boolean') return answer;
    const given = dropPromise(answer) ? 'a promise' : describe(answer);
    report(new ApplicationFunctionError(where, `answered with ${given}: answer with true or false at once`));
    return false;
  };
}
