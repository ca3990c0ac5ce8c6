import type { ChildProcess } from 'node:child_process';

/**
 * The next message of a kind that a child process sends.
 *
 * @param limit milliseconds that it may take
 */
export function messageOf<M extends { readonly type: string }, T extends M['type']>(
  child: ChildProcess,
  type: T,
  limit: number,
): Promise<Extract<M, { readonly type: T }>> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      then();
    };
    const onMessage = (message: M) => {
      if (message.type === type) settle(() => resolve(message as Extract<M, { readonly type: T }>));
    };
    const onExit = (code: number | null) => settle(() => reject(new Error(`The process ended with ${code}`)));
    const timer = setTimeout(() => settle(() => reject(new Error(`No answer within ${limit} ms`))), limit);
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}
