import type { ThrottlerStorage } from '@nestjs/throttler';
import { createHmac, randomBytes } from 'node:crypto';
import { Clock } from '../core/clock.js';
import { SecurityConfigurationError } from '../core/errors.js';
import { CELL_LENGTH, clear, copy, EXPIRY, read, TAKEN } from './algorithms/cell.js';
import { deny, refund, resetAfter, settle, standing, take, waitFor } from './algorithms/charge.policy.js';
import { BoundedClients } from './bounded-clients.js';
import type { Charge, CountedPartition, RateLimitStore, Standing, TakenCharge } from './rate-limit.store.port.js';
import { countHit, type ThrottlerRecord } from './throttler-storage.port.js';

/** How much a `MemoryRateLimitStore` keeps, and by which clock. */
export interface MemoryRateLimitStoreOptions {
  /**
   * Clients that are counted at once, of all limits together; from 1 to 8,000,000. Each takes 110 to 150 bytes where its
   * partition is an address. Where one more comes, one of those who have taken the least is forgotten.
   * @default 1_000_000
   */
  readonly maxClients?: number;
  /** Answers with milliseconds since the epoch. @default the time of the system */
  readonly clock?: { now(): number };
}

const DEFAULT_MAX_CLIENTS = 1_000_000;
// A map of V8 holds 2^24 entries at most, those included that were deleted since it was last built anew.
const MOST_CLIENTS = 8_000_000;
const LONGEST_PARTITION = 256;

/**
 * Counts in the memory of the process and answers at once. Serves `ThrottlerModule` of @nestjs/throttler as well.
 *
 * There are no timers. A client whose units are all there again makes room for the next that come; the memory itself is
 * kept for them.
 *
 * Limits of one id are meant to have one algorithm, and all but those of fixed windows one `window`; quota, burst and
 * block may differ. Limits that differ in their algorithm are counted apart.
 */
export class MemoryRateLimitStore implements RateLimitStore, ThrottlerStorage {
  readonly #clients: BoundedClients;
  readonly #clock: { now(): number };
  // Nobody can choose a partition that is the digest of another.
  readonly #secret = randomBytes(32);
  // What is worked on, charge by charge: a cell, the slot that it came from (-1 for none), and how long it has to wait.
  #cells = new Float64Array(0);
  #slots = new Int32Array(0);
  #waits = new Float64Array(0);

  /** @throws SecurityConfigurationError where `maxClients` is out of range */
  constructor({ maxClients = DEFAULT_MAX_CLIENTS, clock = new Clock() }: MemoryRateLimitStoreOptions = {}) {
    if (!Number.isInteger(maxClients) || maxClients < 1 || maxClients > MOST_CLIENTS) {
      throw new SecurityConfigurationError([
        {
          where: 'MemoryRateLimitStore.maxClients',
          problem: `is ${String(maxClients)}`,
          fix: `Give a whole number from 1 to ${MOST_CLIENTS}`,
        },
      ]);
    }
    this.#clients = new BoundedClients(maxClients);
    this.#clock = clock;
    this.#makeRoomFor(4);
  }

  /** Clients that are counted, those included whose units are all there again. */
  get size(): number {
    return this.#clients.size;
  }

  consume(charges: readonly Charge[]): readonly Standing[] {
    const now = this.#now();
    const only = charges.length === 1 ? this.#consumeOfKnown(charges[0] as Charge, now) : undefined;
    if (only !== undefined) return [only];
    const standings = this.#decide(charges, now);
    this.#store(charges, standings, now);
    return standings;
  }

  peek(charges: readonly Charge[]): readonly Standing[] {
    return this.#decide(charges, this.#now());
  }

  refund(charges: readonly TakenCharge[]): void {
    const now = this.#now();
    for (const { limit, partition, cost, takenAt } of charges) {
      const slot = limit.quota > 0 ? this.#clients.find(limit, this.#clientOf(partition)) : -1;
      if (slot === -1) continue;
      const cells = this.#clients.cellsOf(slot);
      const at = this.#clients.offsetOf(slot);
      settle(cells, at, limit, now);
      refund(cells, at, limit, cost, takenAt, now);
      cells[at + EXPIRY] = now + resetAfter(cells, at, limit, now);
    }
  }

  reset(counted: readonly CountedPartition[]): void {
    for (const { limit, partition } of counted) {
      const slot = this.#clients.find(limit, this.#clientOf(partition));
      if (slot !== -1) this.#clients.remove(slot);
    }
  }

  /** Counts a hit for @nestjs/throttler; times in milliseconds. */
  increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerRecord> {
    return countHit(this, key, ttl, limit, blockDuration, throttlerName);
  }

  /** One charge of a client who is counted already, as nearly all are: it depends on no other, and needs no copy. */
  #consumeOfKnown({ limit, partition, cost }: Charge, now: number): Standing | undefined {
    const slot = limit.quota > 0 ? this.#clients.find(limit, this.#clientOf(partition)) : -1;
    if (slot === -1) return undefined;
    const cells = this.#clients.cellsOf(slot);
    const at = this.#clients.offsetOf(slot);
    settle(cells, at, limit, now);
    let wait = waitFor(cells, at, limit, cost, now);
    if (wait === 0) take(cells, at, limit, cost, now);
    else {
      deny(cells, at, limit, now);
      wait = waitFor(cells, at, limit, cost, now);
    }
    const answer = standing(cells, at, limit, wait, now);
    cells[at + EXPIRY] = now + answer.resetAfter;
    return answer;
  }

  /** Works on copies of the cells, so that a charge that fails, and `peek`, leave everything as it was. */
  #decide(charges: readonly Charge[], now: number): readonly Standing[] {
    const allowed = this.#settleAll(charges, now);
    const cells = this.#cells;
    const standings: Standing[] = [];
    for (let i = 0; i < charges.length; i++) {
      const { limit, cost } = charges[i] as Charge;
      const at = i * CELL_LENGTH;
      let wait = read(this.#waits, i);
      if (allowed) take(cells, at, limit, cost, now);
      else if (wait !== 0) {
        deny(cells, at, limit, now);
        wait = waitFor(cells, at, limit, cost, now);
      }
      standings.push(standing(cells, at, limit, wait, now));
    }
    return standings;
  }

  /** Answers whether all charges may be taken. */
  #settleAll(charges: readonly Charge[], now: number): boolean {
    this.#makeRoomFor(charges.length);
    const cells = this.#cells;
    let allowed = true;
    for (let i = 0; i < charges.length; i++) {
      const { limit, partition, cost } = charges[i] as Charge;
      const at = i * CELL_LENGTH;
      // Nothing is counted where there is nothing to be had; what another plan of the limit has counted stays.
      const slot = limit.quota > 0 ? this.#clients.find(limit, this.#clientOf(partition)) : -1;
      if (slot === -1) clear(cells, at);
      else copy(this.#clients.cellsOf(slot), this.#clients.offsetOf(slot), cells, at);
      settle(cells, at, limit, now);
      const wait = waitFor(cells, at, limit, cost, now);
      this.#slots[i] = slot;
      this.#waits[i] = wait;
      // A wait that is no number is no 0 (fails closed).
      if (wait !== 0) allowed = false;
    }
    return allowed;
  }

  /** Those who are known first: a new one may push somebody out, whose slot would be another's. */
  #store(charges: readonly Charge[], standings: readonly Standing[], now: number): void {
    let newcomers = 0;
    for (let i = 0; i < charges.length; i++) {
      const slot = this.#slots[i] as number;
      if (slot !== -1) this.#storeIn(slot, i, standings[i] as Standing, now);
      else if (read(this.#cells, i * CELL_LENGTH + TAKEN) !== 0) newcomers++;
    }
    for (let i = 0; newcomers > 0; i++) {
      if (this.#slots[i] !== -1 || read(this.#cells, i * CELL_LENGTH + TAKEN) === 0) continue;
      const charge = charges[i] as Charge;
      const slot = this.#clients.add(charge.limit, this.#clientOf(charge.partition), now);
      this.#storeIn(slot, i, standings[i] as Standing, now);
      newcomers--;
    }
  }

  #storeIn(slot: number, i: number, { resetAfter: left }: Standing, now: number): void {
    const at = i * CELL_LENGTH;
    this.#cells[at + EXPIRY] = now + left;
    copy(this.#cells, at, this.#clients.cellsOf(slot), this.#clients.offsetOf(slot));
  }

  #clientOf(partition: string): string {
    return partition.length <= LONGEST_PARTITION
      ? partition
      : createHmac('sha256', this.#secret).update(partition, 'utf16le').digest('base64url');
  }

  #makeRoomFor(charges: number): void {
    if (charges <= this.#slots.length) return;
    this.#cells = new Float64Array(charges * CELL_LENGTH);
    this.#slots = new Int32Array(charges);
    this.#waits = new Float64Array(charges);
  }

  /** A clock that gives no time would let everybody through, or nobody. */
  #now(): number {
    const now = Math.floor(this.#clock.now());
    if (!Number.isSafeInteger(now)) throw new RangeError('The clock of the rate limits gives no time');
    return now;
  }
}
