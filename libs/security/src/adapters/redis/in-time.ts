/**
 * Rejects when the time is over, so that what other nodes of a cluster took is given back then, and not when the node that
 * stands still answers, if ever.
 *
 * @param within milliseconds; without them it is waited for
 */
export function inTime<T>(answer: Promise<T>, within: number | undefined): Promise<T> {
  if (within === undefined) return answer;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer in ${within} ms`)), within);
    timer.unref();
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
