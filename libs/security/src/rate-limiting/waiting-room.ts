import type { ExecutionContext } from '@nestjs/common';
import type { Scheduler } from '../core/scheduler.js';
import { isOver, whenOver } from './request-end.js';

/** How waiting ended: in time, because the client left, or because the application ends. */
export type Waited = 'whole' | 'gone' | 'closed';

/** Where requests wait that a limit slows down; so many at once, as each keeps its connection and its memory. */
export class WaitingRoom {
  private readonly waiting = new Set<(how: Waited) => void>();
  private isClosed = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly capacity: number,
  ) {}

  /** Requests that wait. */
  get size(): number {
    return this.waiting.size;
  }

  /**
   * @param delay milliseconds
   * @returns `undefined` where there is no room
   */
  wait(execution: ExecutionContext, delay: number): Promise<Waited> | undefined {
    if (this.isClosed || this.waiting.size >= this.capacity) return undefined;
    return new Promise((resolve) => {
      const end = (how: Waited) => {
        this.waiting.delete(end);
        callOff();
        stopListening?.();
        resolve(how);
      };
      const callOff = this.scheduler.after(delay, () => end(isOver(execution) ? 'gone' : 'whole'));
      this.waiting.add(end);
      const stopListening = whenOver(execution, () => end('gone'));
      if (stopListening === undefined) end('gone');
    });
  }

  /** Ends all waiting at once; nobody waits from now on. */
  close(): void {
    this.isClosed = true;
    for (const end of this.waiting) end('closed');
  }
}
