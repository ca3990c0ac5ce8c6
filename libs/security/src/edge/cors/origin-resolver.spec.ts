import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ResolvedOrigins, type OriginResolver, type ResolverFailure } from './origin-resolver.js';

const A = 'https://a.test';
const B = 'https://b.test';
const C = 'https://c.test';

function asking(resolver: OriginResolver, max = 2) {
  const clock = { now: 1_000_000 };
  const failures: ResolverFailure[] = [];
  const resolve = jest.fn(resolver);
  const bounds = { max, ttl: 60_000, timeout: 2_000 };
  const origins = new ResolvedOrigins(
    resolve,
    bounds,
    () => clock.now,
    (failure) => failures.push(failure),
  );
  return { origins, resolve, failures, clock };
}

/** What a resolver in JavaScript may answer in spite of its type. */
const answering =
  (answer: unknown): OriginResolver =>
  () =>
    answer as boolean;

describe('A resolver of origins', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('that answers at once is asked each time, and no promise is made', () => {
    let answer = true;
    const { origins, resolve } = asking(() => answer);
    expect(origins.allows(A)).toBe(true);
    answer = false;
    expect(origins.allows(A)).toBe(false);
    expect(resolve).toHaveBeenCalledTimes(2);
  });

  it.each([true, false])('that promises %s is asked once until the answer is old', async (answer) => {
    const { origins, resolve, clock } = asking(async () => answer);
    const first = origins.allows(A);
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toBe(answer);
    clock.now += 59_999;
    expect(origins.allows(A)).toBe(answer);
    expect(resolve).toHaveBeenCalledTimes(1);
    clock.now += 1;
    expect(await origins.allows(A)).toBe(answer);
    expect(resolve).toHaveBeenCalledTimes(2);
  });

  it('is asked again when the clock was set back', async () => {
    const { origins, resolve, clock } = asking(async () => true);
    await origins.allows(A);
    clock.now -= 1;
    await origins.allows(A);
    clock.now = Number.NaN;
    await origins.allows(A);
    expect(resolve).toHaveBeenCalledTimes(3);
  });

  it('is asked once by requests that come together', async () => {
    const { origins, resolve } = asking(async () => true);
    expect(await Promise.all([origins.allows(A), origins.allows(A), origins.allows(B)])).toEqual([true, true, true]);
    expect(resolve.mock.calls).toEqual([[A], [B]]);
  });

  it('is not waited for longer than it may take, and its late answer counts for nothing', async () => {
    let answerLate: (answer: boolean) => void = () => undefined;
    const { origins, resolve, failures } = asking(() => new Promise((done) => (answerLate = done)));
    const answer = origins.allows(A);
    jest.advanceTimersByTime(2_000);
    expect(await answer).toBe(false);
    expect(failures).toEqual(['timed_out']);
    answerLate(true);
    await jest.advanceTimersByTimeAsync(0);
    expect(origins.allows(A)).toBeInstanceOf(Promise);
    expect(resolve).toHaveBeenCalledTimes(2);
  });

  it('leaves no timer behind', async () => {
    const { origins } = asking(async () => true);
    await origins.allows(A);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each<[string, OriginResolver, ResolverFailure]>([
    [
      'throws',
      () => {
        throw new Error('x');
      },
      'threw',
    ],
    ['rejects', () => Promise.reject(new Error('x')), 'threw'],
    ['answers nothing', answering(undefined), 'not_boolean'],
    ['answers null', answering(null), 'not_boolean'],
    ['answers "true"', answering('true'), 'not_boolean'],
    ['answers 1', answering(1), 'not_boolean'],
    ['answers an object', answering({ allowed: true }), 'not_boolean'],
    ['promises an object', answering(Promise.resolve({})), 'not_boolean'],
    ['promises "*"', answering(Promise.resolve('*')), 'not_boolean'],
    [
      'answers what cannot be awaited',
      answering({
        // eslint-disable-next-line unicorn/no-thenable
        get then() {
          throw new Error('x');
        },
      }),
      'threw',
    ],
  ])('that %s refuses, and is asked again', async (_, resolver, failure) => {
    const { origins, resolve, failures } = asking(resolver);
    expect(await origins.allows(A)).toBe(false);
    expect(await origins.allows(A)).toBe(false);
    expect(failures).toEqual([failure, failure]);
    expect(resolve).toHaveBeenCalledTimes(2);
  });

  it('is waited for whatever makes the promise', async () => {
    // eslint-disable-next-line unicorn/no-thenable
    const { origins } = asking(answering({ then: (done: (answer: boolean) => void) => done(true) }));
    expect(await origins.allows(A)).toBe(true);
    expect(origins.allows(A)).toBe(true);
  });

  it('is forgotten for the origin that was not used for longest', async () => {
    const { origins, resolve } = asking(async () => true);
    await origins.allows(A);
    await origins.allows(B);
    expect(origins.allows(A)).toBe(true);
    await origins.allows(C);
    expect(origins.allows(A)).toBe(true);
    expect(origins.allows(C)).toBe(true);
    expect(resolve).toHaveBeenCalledTimes(3);
    expect(origins.allows(B)).toBeInstanceOf(Promise);
  });

  it('keeps allowed origins however many others are invented', async () => {
    const { origins } = asking(async (origin) => origin === A);
    await origins.allows(A);
    for (let index = 0; index < 100; index++) await origins.allows(`https://evil${index}.test`);
    expect(origins.allows(A)).toBe(true);
  });

  it('is asked about 256 origins at a time and not more, and again once they are answered', async () => {
    const answers: ((answer: boolean) => void)[] = [];
    const { origins, resolve, failures } = asking(() => new Promise((done) => answers.push(done)));
    const asked = Array.from({ length: 256 }, (_, index) => origins.allows(`https://a${index}.test`));
    expect(origins.allows(A)).toBe(false);
    expect(failures).toEqual(['overloaded']);
    expect(resolve).toHaveBeenCalledTimes(256);
    for (const answer of answers) answer(true);
    expect(new Set(await Promise.all(asked))).toEqual(new Set([true]));
    expect(origins.allows(A)).toBeInstanceOf(Promise);
  });

  it('that never answers blocks nobody for longer than it may take', async () => {
    const { origins, failures } = asking(() => new Promise(() => undefined));
    const asked = Array.from({ length: 256 }, (_, index) => origins.allows(`https://a${index}.test`));
    jest.advanceTimersByTime(2_000);
    expect(new Set(await Promise.all(asked))).toEqual(new Set([false]));
    expect(failures).toHaveLength(256);
    expect(origins.allows(A)).toBeInstanceOf(Promise);
  });
});
