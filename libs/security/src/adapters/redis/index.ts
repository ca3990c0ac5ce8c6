export { RedisRateLimitStore } from './redis.rate-limit.store.js';
export type { RedisRateLimitStoreOptions } from './redis.rate-limit.options.js';
export type { IoredisClient, NodeRedisClient, NodeRedisScriptOptions, RedisClient } from './redis.client.js';
