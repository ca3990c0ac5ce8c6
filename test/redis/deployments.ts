import { redisSentinels } from './redis-sentinel.js';
import { redisCluster, redisServer, type RedisServer } from './redis-server.js';

/** How a Redis is set up. */
export type Topology = 'single' | 'sentinel' | 'cluster';

/** A Redis of a topology. */
export interface Deployment {
  /** Where clients begin. */
  readonly ports: readonly number[];
  /** Where the keys are. */
  readonly masters: readonly RedisServer[];
}

/** A Redis of each topology for the tests of this block; reach them through the function once they run. */
export function redisDeployments(): (topology: Topology) => Deployment {
  const server = redisServer();
  const sentinels = redisSentinels();
  const cluster = redisCluster();
  return (topology) => {
    if (topology === 'single') return { ports: [server().port], masters: [server()] };
    if (topology === 'sentinel') return { ports: sentinels().ports, masters: [sentinels().firstMaster] };
    return cluster();
  };
}
