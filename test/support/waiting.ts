import { expect } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';

/** Turns of the event loop, which take ten seconds or so where nothing happens in them. */
const TURNS = 500_000;

/** Ends when it is so: for what this process does in its own time. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < TURNS && !isSo(); i++) await turn();
  expect(isSo()).toBe(true);
}

/** Lets so many turns of the event loop pass, in which nothing is to happen. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** Handlers and guards wait here until they are let go. */
export class Gate {
  private readonly waiting: (() => void)[] = [];

  get count(): number {
    return this.waiting.length;
  }

  pass(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  open(): void {
    for (const go of this.waiting.splice(0)) go();
  }
}
