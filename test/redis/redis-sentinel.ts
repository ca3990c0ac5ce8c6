import { MASTER_NAME } from './clients.js';
import { forThisBlock, RedisServer, until } from './redis-server.js';

const SENTINELS = 3;

/**
 * Milliseconds without an answer after which a Sentinel believes the master to be down; more than one takes on a busy
 * machine that is not.
 */
export const DOWN_AFTER = 3000;

const FAILOVER_TIMEOUT = 2000;

/** A master, its replica, and three Sentinels, two of which must agree before the replica takes over. */
export class RedisSentinels {
  private constructor(
    private readonly nodes: readonly RedisServer[],
    private readonly sentinels: readonly RedisServer[],
  ) {}

  static async start(): Promise<RedisSentinels> {
    const settings = ['--repl-diskless-sync-delay', '0'];
    const master = await RedisServer.start(settings);
    const replica = await RedisServer.start([...settings, '--replicaof', '127.0.0.1', String(master.port)]);
    // A Sentinel looks for replicas at once, and then every ten seconds.
    await until('the replica follows', () => follows(replica));
    const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => startSentinel(master)));
    const started = new RedisSentinels([master, replica], sentinels);
    try {
      await started.meet();
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  /** Those of the Sentinels: they know where the master is. */
  get ports(): readonly number[] {
    return this.sentinels.map(({ port }) => port);
  }

  /** The master as long as nothing happens to it. */
  get firstMaster(): RedisServer {
    return this.nodes[0] as RedisServer;
  }

  /** Whom the Sentinels call the master; the other one is its replica, or away. */
  async roles(): Promise<{ readonly master: RedisServer; readonly replica: RedisServer }> {
    const [first, second] = this.nodes as [RedisServer, RedisServer];
    const views = await this.views();
    const isFirst = views.every((view) => view.get('port') === String(first.port));
    return isFirst ? { master: first, replica: second } : { master: second, replica: first };
  }

  /** Has whoever was the master before start again, if it has to, and waits until it follows. */
  async rejoin(): Promise<void> {
    const { replica } = await this.roles();
    replica.resume();
    if (!replica.isRunning) await replica.restart();
    await until('the old master follows the new one', () => follows(replica));
    await this.meet();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map((server) => server.stop()));
  }

  private async meet(): Promise<void> {
    await until('the Sentinels know each other and the replica', async () => {
      const views = await this.views();
      const others = String(SENTINELS - 1);
      return views.every((view) => view.get('num-slaves') === '1' && view.get('num-other-sentinels') === others);
    });
  }

  /** What each Sentinel knows of the master. */
  private async views(): Promise<readonly ReadonlyMap<string, string>[]> {
    const answers = await Promise.all(this.sentinels.map((one) => one.command('sentinel', 'master', MASTER_NAME)));
    return answers.map((answer) => {
      const fields = (answer as readonly unknown[]).map(String);
      return new Map(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] as string]] : [])));
    });
  }
}

function startSentinel({ port }: RedisServer): Promise<RedisServer> {
  return RedisServer.start(
    [],
    [
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${port} ${Math.ceil(SENTINELS / 2)}`,
      `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER}`,
      // Where no two vote for the same, they try again after twice as long.
      `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT}`,
    ],
  );
}

/** Whether a server is a replica that has what its master has. */
async function follows(server: RedisServer): Promise<boolean> {
  try {
    return String(await server.command('info', 'replication')).includes('master_link_status:up');
  } catch {
    // A Sentinel that makes it one closes its connections.
    return false;
  }
}

/** As `redisServer`, with Sentinels. */
export function redisSentinels(): () => RedisSentinels {
  return forThisBlock(() => RedisSentinels.start());
}
