import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from './child-message.js';
import type { ServerSpec } from './servers/stack.js';

export type ToServer = 'cpu' | 'stop';

/** Both in milliseconds. */
export interface Duration {
  readonly cpu: number;
  readonly wall: number;
}

export interface Listening {
  readonly type: 'listening';
  readonly port: number;
  /** Loading the modules of the stack. */
  readonly loading: Duration;
  /** From there until the server listens. */
  readonly starting: Duration;
}

export type FromServer = Listening | { readonly type: 'cpu'; readonly cpu: NodeJS.CpuUsage };

const PROCESS = fileURLToPath(new URL('servers/process.js', import.meta.url));
const START_LIMIT = 30_000;
const ANSWER_LIMIT = 30_000;
const STOP_LIMIT = 10_000;

export class ServerDied extends Error {
  override readonly name = 'ServerDied';
}

/** A server in a process of its own, so that nothing but serving is on its clock. */
export class BenchServer {
  private failure: Error | undefined;
  private stopping = false;

  private constructor(
    readonly spec: ServerSpec,
    private readonly child: ChildProcess,
    readonly listening: Listening,
  ) {
    child.once('exit', (code, signal) => {
      if (!this.stopping)
        this.failure = new ServerDied(`${nameOf(spec)} ended (${code ?? signal}) while it was measured`);
    });
  }

  /** Starts a server and waits until it listens. Throws what it wrote when it does not. */
  static async start(spec: ServerSpec, profiles?: string): Promise<BenchServer> {
    const child = fork(PROCESS, [JSON.stringify(spec)], {
      execArgv: profiles === undefined ? [] : profilingArguments(spec, profiles),
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors = `${errors}${chunk}`.slice(-4000)));
    try {
      const listening = await messageOf<FromServer, 'listening'>(child, 'listening', START_LIMIT);
      return new BenchServer(spec, child, listening);
    } catch (error) {
      child.kill();
      throw new Error(`${nameOf(spec)} did not start\n${errors}`, { cause: error });
    }
  }

  get name(): string {
    return nameOf(this.spec);
  }

  get port(): number {
    return this.listening.port;
  }

  /** Microseconds of CPU that the process has used in all its threads, in user and in kernel mode. */
  async cpu(): Promise<number> {
    this.expectAlive();
    const answer = messageOf<FromServer, 'cpu'>(this.child, 'cpu', ANSWER_LIMIT);
    this.tell('cpu');
    const { cpu } = await answer;
    return cpu.user + cpu.system;
  }

  /** Throws when the process ended by itself. */
  expectAlive(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  async stop(): Promise<void> {
    if (!this.child.connected) return;
    this.stopping = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT);
      this.child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.tell('stop');
    });
  }

  private tell(message: ToServer): void {
    this.child.send(message);
  }
}

/** Runs `use` with the servers and stops them, whatever comes of it. */
export async function withServers<T>(
  specs: readonly ServerSpec[],
  profiles: string | undefined,
  use: (servers: readonly BenchServer[]) => Promise<T>,
): Promise<T> {
  const servers: BenchServer[] = [];
  try {
    for (const spec of specs) servers.push(await BenchServer.start(spec, profiles));
    return await use(servers);
  } catch (error) {
    // A client that finds nobody to talk to says little; that the server is gone says why.
    for (const server of servers) server.expectAlive();
    throw error;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

export function nameOf({ stack, adapter, routes }: ServerSpec): string {
  return `${adapter} ${stack}${routes === undefined ? '' : ` with ${routes} routes`}`;
}

function profilingArguments(spec: ServerSpec, directory: string): string[] {
  const name = nameOf(spec).replaceAll(' ', '-');
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${name}.cpuprofile`];
}
