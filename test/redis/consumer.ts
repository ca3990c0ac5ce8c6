import type { StoredLimit } from '@palisade/nest';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import { once } from 'node:events';
import { CLIENTS } from './clients.js';
import { chargeOf } from './limits.js';

/** What a process is to do. */
export interface ConsumerOrder {
  /** One of {@link CLIENTS}. */
  readonly client: string;
  readonly ports: readonly number[];
  readonly limit: StoredLimit;
  /** Asked in turn. */
  readonly partitions: readonly string[];
  readonly requests: number;
  readonly denials: number;
}

const UNDER_WAY = 50;

// A process of its own: for each order it connects, waits for the word, and sends its requests as fast as they are
// answered. It ends with the process that started it.
process.once('disconnect', () => process.exit());
process.on('message', (order: ConsumerOrder | 'go') => {
  if (order !== 'go') void serve(order);
});
process.send?.('started');

async function serve(order: ConsumerOrder): Promise<void> {
  const kind = CLIENTS.find(({ name }) => name === order.client);
  if (kind === undefined) throw new Error(`No such client: ${order.client}`);
  const connection = await kind.connect(order.ports);
  const store = new RedisRateLimitStore(connection.client, { denials: order.denials });
  const go = once(process, 'message');
  process.send?.('ready');
  await go;
  const allowed = await consumeAll(store, order);
  connection.close();
  process.send?.(allowed);
}

async function consumeAll(store: RedisRateLimitStore, order: ConsumerOrder): Promise<number> {
  let allowed = 0;
  let sent = 0;
  const consumeInTurn = async () => {
    while (sent < order.requests) {
      const partition = order.partitions[sent++ % order.partitions.length] as string;
      const [standing] = await store.consume([chargeOf(order.limit, partition)]);
      if (standing?.allowed === true) allowed++;
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, consumeInTurn));
  return allowed;
}
