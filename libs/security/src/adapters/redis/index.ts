export { RedisRateLimitStore } from './redis.rate-limit.store.js';
export type { RedisRateLimitStoreOptions } from './redis.rate-limit.options.js';
export type { IoredisClient, NodeRedisClient, NodeRedisScriptOptions, RedisClient } from './redis.client.js';
export { RedisLeaseStore } from './redis.lease.store.js';
export type { RedisLeaseStoreOptions } from './redis.lease.options.js';
