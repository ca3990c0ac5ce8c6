import ipaddr from 'ipaddr.js';
import type { CompiledCspReporting } from './csp-reporting.options.js';

const MINUTE = 60_000;

/** Bodies that are read at the same time: with the limit of each, this bounds what they take of memory. */
const MAX_READING = 64;
/** Of these, bodies from one address: one that sends slowly must not keep the others out. */
const MAX_READING_OF_ADDRESS = 8;

/** Whoever has no address shares one. */
const NO_ADDRESS = '';

/** Called once, when the body has been read or given up. */
export type Release = () => void;

/**
 * Counts requests with reports, by client address and together, in whole minutes, and the bodies that are being read.
 * What an address sends beyond its own limit does not count for the others. The table starts anew each minute and
 * holds at most as many addresses as requests are taken.
 */
export class CspReportLimiter {
  private readonly taken = new Map<string, number>();
  private readonly reading = new Map<string, number>();
  private readingTotal = 0;
  private takenTotal = 0;
  private minute = Number.NaN;

  constructor(private readonly limits: Pick<CompiledCspReporting, 'addressPerMinute' | 'totalPerMinute'>) {}

  /** Takes one more, or answers `undefined`; `now` in milliseconds. */
  admit(address: string | undefined, now: number): Release | undefined {
    const minute = Math.floor(now / MINUTE);
    if (minute !== this.minute) {
      this.minute = minute;
      this.takenTotal = 0;
      this.taken.clear();
    }
    if (this.takenTotal >= this.limits.totalPerMinute || this.readingTotal >= MAX_READING) return undefined;
    const partition = partitionOf(address);
    const taken = this.taken.get(partition) ?? 0;
    const reading = this.reading.get(partition) ?? 0;
    if (taken >= this.limits.addressPerMinute || reading >= MAX_READING_OF_ADDRESS) return undefined;
    this.taken.set(partition, taken + 1);
    this.takenTotal++;
    this.reading.set(partition, reading + 1);
    this.readingTotal++;
    return () => this.release(partition);
  }

  /** Addresses in memory. */
  get size(): number {
    return this.taken.size + this.reading.size;
  }

  private release(partition: string): void {
    const reading = (this.reading.get(partition) ?? 0) - 1;
    if (reading > 0) this.reading.set(partition, reading);
    else this.reading.delete(partition);
    this.readingTotal--;
  }
}

/** The address, or its /64 network where it is one of IPv6: one subscriber has all of that. */
function partitionOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return NO_ADDRESS;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(':') : parsed.toString();
}
