export const LIMITERS = ['throttler', 'flexible', 'express-rate-limit', 'palisade'] as const;
export const REDIS_LIMITERS = ['redis-nest-lab', 'redis-flexible', 'redis-palisade'] as const;
export type LimiterName = (typeof LIMITERS)[number] | (typeof REDIS_LIMITERS)[number];

/** A way to count requests. */
export interface Limiter {
  /** Counts a request; answers, or resolves with, whether it is allowed. */
  hit(key: string): boolean | Promise<boolean>;
}

/** Longer than any run, so that nothing is forgotten while it is measured. */
export const WINDOW = 3_600_000;

/** What a process of its own is told to count with. */
export interface LimiterSpec {
  readonly limiter: LimiterName;
  readonly clients: number;
  readonly limit: number;
  /** Hits that are under way at once; those of a store in memory are not. */
  readonly atOnce: number;
  /** Where Redis listens, for those that count there. */
  readonly port?: number | undefined;
}

/** Keys as addresses are: made anew, so that whoever keeps one pays for it. */
export function keyOf(client: number): string {
  return Buffer.from(`10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`).toString('latin1');
}
