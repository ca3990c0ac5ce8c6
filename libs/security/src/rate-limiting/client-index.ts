/**
 * Where the cells of the clients of one limit are. One large map would stop the process for more than 100 ms when it has
 * grown to a million keys and is built anew, so that it is several; whoever chooses keys that all fall into one of them
 * gets back the one large map, and nothing worse.
 */
export class ClientIndex {
  readonly #shards: (Map<string, number> | undefined)[] = Array.from<undefined>({ length: SHARDS });
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(client: string): number | undefined {
    return this.#shards[shardOf(client)]?.get(client);
  }

  add(client: string, slot: number): void {
    (this.#shards[shardOf(client)] ??= new Map()).set(client, slot);
    this.#size++;
  }

  delete(client: string): void {
    if (this.#shards[shardOf(client)]?.delete(client) === true) this.#size--;
  }
}

const SHARDS = 16;

/** From eight or so of the characters, all over the text: keys often begin or end alike. */
function shardOf(client: string): number {
  const { length } = client;
  const step = (length >> 3) + 1;
  let hash = length;
  for (let i = length - 1; i >= 0; i -= step) hash = Math.imul(hash, 31) + client.charCodeAt(i);
  return (hash ^ (hash >>> 7)) & (SHARDS - 1);
}
