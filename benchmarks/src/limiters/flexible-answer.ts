import { RateLimiterRes } from 'rate-limiter-flexible';

/** Whether a consumption was allowed: rate-limiter-flexible rejects for a denial as well as for a failure. */
export function isAllowed(consumption: Promise<unknown>): Promise<boolean> {
  return consumption.then(
    () => true,
    (reason: unknown) => {
      if (reason instanceof RateLimiterRes) return false;
      throw reason;
    },
  );
}
