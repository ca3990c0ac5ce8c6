import { compileRanges } from '../../core/address-ranges.js';
import { ApplicationFunctionError, dropPromise, failureOf } from '../../core/application-functions.js';
import { describe } from '../../core/options.rules.js';
import type { HttpRequest } from '../../core/request.js';
import type { BanCondition, BanContext } from './bans.options.js';

/** Whether a request is of a kind; compiled. */
export type Condition = (context: BanContext) => boolean;

const NEVER: Condition = () => false;

/**
 * Whether a request comes from a list, or is what a function says.
 *
 * @param where the option, as the log calls it
 */
export function compileList(list: readonly string[] | BanCondition | undefined, where: string): Condition {
  if (typeof list === 'function') return compileCondition(list, where);
  if (list === undefined || list.length === 0) return NEVER;
  const isListed = compileRanges(list);
  return ({ address }) => address !== undefined && isListed(address);
}

/**
 * @param where the option, as the log calls it
 * @throws ApplicationFunctionError where it throws, or answers neither true nor false nor nothing (fails closed)
 */
export function compileCondition(condition: BanCondition, where: string): Condition {
  return (context) => {
    let answer: unknown;
    try {
      answer = condition(context);
    } catch (error) {
      throw failureOf(error, where, [context.address, context.request.url, context.request.headers]);
    }
    if (typeof answer === 'boolean') return answer;
    if (answer === undefined) return false;
    const given = dropPromise(answer) ? 'a promise' : describe(answer);
    throw new ApplicationFunctionError(where, `answered with ${given}: answer with true or false at once`);
  };
}

const FOREIGN: ReadonlySet<unknown> = new Set(['cross-site', 'same-site']);

/**
 * Whether a request is one that another site had a browser send, as browsers say (Sec-Fetch-Site, Fetch Metadata), or the
 * preflight of one. An image or a script on any page can have the browsers of all its visitors ask for a honeypot.
 */
export function isCrossSite({ method, headers }: Pick<HttpRequest, 'method' | 'headers'>): boolean {
  return (
    FOREIGN.has(headers['sec-fetch-site']) ||
    (method === 'OPTIONS' && headers['access-control-request-method'] !== undefined)
  );
}
