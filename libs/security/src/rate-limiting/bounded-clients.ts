import { CELL_LENGTH, EXPIRY, read, type Cells } from './algorithms/cell.js';
import { weightOf } from './algorithms/charge.policy.js';
import { ClientIndex } from './client-index.js';
import type { RateLimitAlgorithm, StoredLimit } from './rate-limit.store.port.js';

/** Everybody who is counted for one limit. */
interface CountedLimit {
  readonly number: number;
  readonly index: ClientIndex;
  /** One of those that share the id, and with it their counts. */
  readonly limit: StoredLimit;
}

/** Cells side by side, with whose they are. */
interface Chunk {
  readonly cells: Cells;
  readonly clients: (string | undefined)[];
  /** By its number, which takes half the memory of a reference. */
  readonly limits: Uint32Array;
}

// Cells are added by the chunk, so that none is ever copied to grow.
const CHUNK_BITS = 10;
const CHUNK = 1 << CHUNK_BITS;

// Cells that are looked at, when a client comes, for those that have expired.
const SWEPT = 2;
// Milliseconds for which an expired cell is left alone while there is room: whoever comes often is not to be taken out and
// put in again each time.
const GRACE = 10_000;
// Cells of which the lightest goes, when a client comes and there is no room.
const SAMPLED = 8;

// V8 copies what is cut out of a text where it is shorter.
const SHORTEST_PART = 13;

/**
 * The cells of at most `max` clients, of all limits together. There are no timers: every client that comes makes two
 * cells be looked at in turn, and those that have expired make room. So there are never more cells than about twice the
 * clients that count, the time for it is the same for each, and nothing is done for clients that are known.
 *
 * Where all cells are taken, the lightest of {@link SAMPLED} random ones goes; of two that weigh the same, the one that
 * would expire first. A flood of new clients therefore pushes out itself and others who have taken as little, and hardly
 * ever somebody who has taken more: for that, nearly all cells must weigh more, which costs as many units for each.
 */
export class BoundedClients {
  readonly #max: number;
  readonly #chunks: Chunk[] = [];
  /** By algorithm and id: a cell means something else to another algorithm. */
  readonly #limits: Readonly<Record<RateLimitAlgorithm, Map<string, CountedLimit>>> = {
    'token-bucket': new Map(),
    'sliding-window': new Map(),
    'fixed-window': new Map(),
  };
  readonly #byNumber: (CountedLimit | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #freeSlots: number[] = [];
  #used = 0;
  #hand = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#used - this.#freeSlots.length;
  }

  /** The slot of a client, or -1. */
  find(limit: StoredLimit, client: string): number {
    return this.#limits[limit.algorithm].get(limit.id)?.index.get(client) ?? -1;
  }

  /** The block of numbers that the cell of a slot lies in; {@link offsetOf} tells where. */
  cellsOf(slot: number): Cells {
    return this.#chunkOf(slot).cells;
  }

  offsetOf(slot: number): number {
    return (slot & (CHUNK - 1)) * CELL_LENGTH;
  }

  /** Makes room for a client who is not there yet. Answers with the slot, whose cell is to be written. */
  add(limit: StoredLimit, client: string, now: number): number {
    this.#sweep(now);
    const slot = this.#freeSlot(now);
    const counted = this.#counted(limit);
    const chunk = this.#chunkOf(slot);
    const own = detached(client);
    chunk.clients[slot & (CHUNK - 1)] = own;
    chunk.limits[slot & (CHUNK - 1)] = counted.number;
    counted.index.add(own, slot);
    return slot;
  }

  remove(slot: number): void {
    const chunk = this.#chunkOf(slot);
    const place = slot & (CHUNK - 1);
    const counted = this.#limitOf(slot);
    counted.index.delete(chunk.clients[place] as string);
    chunk.clients[place] = undefined;
    this.#freeSlots.push(slot);
    if (counted.index.size > 0) return;
    this.#limits[counted.limit.algorithm].delete(counted.limit.id);
    this.#byNumber[counted.number] = undefined;
    this.#freeNumbers.push(counted.number);
  }

  #chunkOf(slot: number): Chunk {
    return this.#chunks[slot >> CHUNK_BITS] as Chunk;
  }

  #limitOf(slot: number): CountedLimit {
    return this.#byNumber[this.#chunkOf(slot).limits[slot & (CHUNK - 1)] as number] as CountedLimit;
  }

  #isFree(slot: number): boolean {
    return this.#chunkOf(slot).clients[slot & (CHUNK - 1)] === undefined;
  }

  #expiry(slot: number): number {
    return read(this.cellsOf(slot), this.offsetOf(slot) + EXPIRY);
  }

  #counted(limit: StoredLimit): CountedLimit {
    const limits = this.#limits[limit.algorithm];
    let counted = limits.get(limit.id);
    if (counted === undefined) {
      const number = this.#freeNumbers.pop() ?? this.#byNumber.length;
      counted = { number, index: new ClientIndex(), limit };
      limits.set(limit.id, counted);
      this.#byNumber[number] = counted;
    }
    return counted;
  }

  #sweep(now: number): void {
    for (let i = 0; i < SWEPT && i < this.#used; i++) {
      if (this.#hand >= this.#used) this.#hand = 0;
      const slot = this.#hand++;
      if (!this.#isFree(slot) && this.#expiry(slot) + GRACE <= now) this.remove(slot);
    }
  }

  #freeSlot(now: number): number {
    if (this.#freeSlots.length === 0 && this.#used === this.#max) this.remove(this.#lightest(now));
    const free = this.#freeSlots.pop();
    if (free !== undefined) return free;
    const slot = this.#used++;
    if (slot >> CHUNK_BITS === this.#chunks.length) this.#chunks.push(newChunk());
    return slot;
  }

  /** Asked only while no cell is free. */
  #lightest(now: number): number {
    const isSmall = this.#max <= SAMPLED;
    let lightest = 0;
    let leastWeight = Infinity;
    let firstExpiry = Infinity;
    for (let i = 0; i < SAMPLED && i < this.#max; i++) {
      const slot = isSmall ? i : Math.floor(Math.random() * this.#max);
      const expiry = this.#expiry(slot);
      if (expiry <= now) return slot;
      const weight = weightOf(this.cellsOf(slot), this.offsetOf(slot), this.#limitOf(slot).limit, now);
      if (weight > leastWeight || (weight === leastWeight && expiry >= firstExpiry)) continue;
      [lightest, leastWeight, firstExpiry] = [slot, weight, expiry];
    }
    return lightest;
  }
}

function newChunk(): Chunk {
  return {
    cells: new Float64Array(CHUNK * CELL_LENGTH),
    clients: Array.from<undefined>({ length: CHUNK }),
    limits: new Uint32Array(CHUNK),
  };
}

/** A copy: the text may be a part of a longer one, such as a header line, which it would keep in memory. */
function detached(text: string): string {
  if (text.length < SHORTEST_PART) return text;
  const copy = Buffer.from(text, 'latin1').toString('latin1');
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}
