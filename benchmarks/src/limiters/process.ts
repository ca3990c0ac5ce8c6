import { keyOf, type Limiter, type LimiterName, type LimiterSpec } from './limiter.js';

export type ToLimiter =
  { readonly type: 'round'; readonly hits: number; readonly round: number } | { readonly type: 'stop' };

export type FromLimiter =
  | { readonly type: 'filled'; readonly bytesPerClient: number; readonly denies: boolean }
  /** Microseconds of CPU for each hit. */
  | { readonly type: 'round'; readonly cpu: number };

const limiters: Readonly<
  Record<LimiterName, () => Promise<{ readonly createLimiter: (quota: number, port: number) => Limiter }>>
> = {
  palisade: () => import('./palisade.js'),
  throttler: () => import('./throttler.js'),
  flexible: () => import('./flexible.js'),
  'express-rate-limit': () => import('./express-rate-limit.js'),
  'redis-palisade': () => import('./redis-palisade.js'),
  'redis-nest-lab': () => import('./redis-nest-lab.js'),
  'redis-flexible': () => import('./redis-flexible.js'),
};

const { limiter: name, clients, limit, atOnce, port = 0 } = JSON.parse(process.argv[2] as string) as LimiterSpec;
const { createLimiter } = await limiters[name]();

const denies = await isDenying();
const before = await bytes();
const limiter = createLimiter(limit, port);
for (let client = 0; client < clients; client++) {
  const allowed = limiter.hit(keyOf(client));
  if (allowed instanceof Promise) await allowed;
}
report({ type: 'filled', bytesPerClient: ((await bytes()) - before) / clients, denies });

process.on('message', (message: ToLimiter) => {
  if (message.type === 'stop') process.exit();
  void measure(message.hits, message.round).then((cpu) => report({ type: 'round', cpu }));
});
process.on('disconnect', () => process.exit());

/** Spread over all clients, in an order that no cache can foresee. */
async function measure(hits: number, round: number): Promise<number> {
  const keys: string[] = [];
  let client = round;
  for (let i = 0; i < hits; i++) {
    client = (client * 1_103_515_245 + 12_345) % 2_147_483_648;
    keys.push(keyOf(client % clients));
  }
  const since = process.cpuUsage();
  await Promise.all(Array.from({ length: atOnce }, (_, lane) => hitAll(keys, lane)));
  const { user, system } = process.cpuUsage(since);
  return (user + system) / hits;
}

/** Every so many of the keys, one after the other. */
async function hitAll(keys: readonly string[], lane: number): Promise<void> {
  for (let i = lane; i < keys.length; i += atOnce) {
    const allowed = limiter.hit(keys[i] as string);
    if (allowed instanceof Promise) await allowed;
  }
}

/** A limiter that lets everything through would be fast. */
async function isDenying(): Promise<boolean> {
  const small = createLimiter(2, port);
  // Several processes may share the store.
  const [one, other] = [`${process.pid}-a`, `${process.pid}-b`];
  const answers = [await small.hit(one), await small.hit(one), await small.hit(one), await small.hit(other)];
  return answers.join() === 'true,true,false,true';
}

async function bytes(): Promise<number> {
  // What is unreferenced goes at the second time at the latest.
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    global.gc?.();
  }
  // Array buffers are part of what is external.
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function report(message: FromLimiter): void {
  process.send?.(message);
}
