import type { IoredisClient } from '@palisade/nest/redis';
import type { Redis } from 'ioredis';

/** Runs the script as the store sends it, with a time of the test's own in place of the server's. */
export class TimeTravel implements IoredisClient {
  now = 0;

  constructor(private readonly redis: Redis) {}

  evalsha(): Promise<unknown> {
    return Promise.reject(new Error('NOSCRIPT'));
  }

  eval(script: string, numberOfKeys: number, ...rest: string[]): Promise<unknown> {
    const changed = script
      .replace(`redis.call('TIME')`, `{ ARGV[#ARGV - 1], ARGV[#ARGV] }`)
      // Keys would end by the server's time.
      .replace(`'PX', ttl)`, `'PX', ttl + 600000)`);
    const time = [Math.floor(this.now / 1000), (this.now % 1000) * 1000].map(String);
    return this.redis.eval(changed, numberOfKeys, ...rest, ...time);
  }
}
