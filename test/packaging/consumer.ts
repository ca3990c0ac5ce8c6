import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, succeed, type CommandResult } from './commands.js';
import { tarballPath } from './tarball.js';

function readPage(): Promise<string> {
  return readFile(resolve('libs/security/README.md'), 'utf8');
}

/** What a user types, from the package's own page, with the tarball in the place of the registry's copy. */
async function installCommand(): Promise<readonly string[]> {
  const page = await readPage();
  const line = /^npm install (@palisade\/nest .+)$/m.exec(page)?.[1];
  if (line === undefined) throw new Error('libs/security/README.md has no line "npm install @palisade/nest …"');
  const packages = line.split(' ').map((name) => (name === '@palisade/nest' ? tarballPath() : name));
  return ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages];
}

/** The page's example, a whole module. */
async function exampleOfThePage(): Promise<string> {
  const example = /^```ts\n(.+?)^```$/ms.exec(await readPage())?.[1];
  if (example === undefined) throw new Error('libs/security/README.md has no example in TypeScript');
  return example;
}

/** One of the projects in consumers/, copied to a temporary folder, with the packed library installed. */
export class Consumer {
  private constructor(readonly folder: string) {}

  static async install(name: string): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), `palisade-${name}-`));
    await cp(resolve('test/packaging/consumers', name), folder, { recursive: true });
    await succeed('npm', await installCommand(), folder);
    return new Consumer(folder);
  }

  /** Compiles the project, with the page's example beside its own code. */
  async build(): Promise<CommandResult> {
    await writeFile(join(this.folder, 'src', 'example-of-the-page.ts'), await exampleOfThePage());
    return run('npm', ['run', '--silent', 'build'], { cwd: this.folder });
  }

  /** Starts the application and waits until it listens. */
  async start(env: Readonly<Record<string, string>>): Promise<RunningConsumer> {
    const child = spawn(process.execPath, ['dist/main.js'], { cwd: this.folder, env: environment(env) });
    const running = new RunningConsumer(child);
    await running.listening();
    return running;
  }

  /** Starts an application that is expected to end by itself. */
  startInVain(env: Readonly<Record<string, string>>): Promise<CommandResult> {
    return run(process.execPath, ['dist/main.js'], { cwd: this.folder, env: environment(env) });
  }

  /** Has an installed package say that it is of another version, until the function that is returned is called. */
  async pretend(name: string, version: string): Promise<() => Promise<void>> {
    const path = join(this.folder, 'node_modules', name, 'package.json');
    const text = await readFile(path, 'utf8');
    // Not over a file that npm may share between folders.
    await rm(path);
    await writeFile(path, JSON.stringify({ ...(JSON.parse(text) as object), version }));
    return () => writeFile(path, text);
  }

  /** The packages of which at least one file is loaded by a line of code, as V8 itself tells. */
  async packagesLoadedBy(code: string): Promise<ReadonlySet<string>> {
    const coverage = await mkdtemp(join(this.folder, 'coverage-'));
    const { status, stderr } = await run(process.execPath, ['-e', code], {
      cwd: this.folder,
      env: environment({ NODE_V8_COVERAGE: coverage }),
    });
    if (status !== 0) throw new Error(stderr);
    const packages = new Set<string>();
    for (const file of await readdir(coverage)) {
      const { result } = JSON.parse(await readFile(join(coverage, file), 'utf8')) as { result: { url: string }[] };
      for (const { url } of result) {
        const name = url.startsWith('file:') ? packageOf(fileURLToPath(url)) : undefined;
        if (name !== undefined) packages.add(name);
      }
    }
    return packages;
  }

  async installedPackages(): Promise<ReadonlySet<string>> {
    const entries = await readdir(join(this.folder, 'node_modules'), { recursive: true });
    return new Set(
      entries
        .filter((entry) => entry.endsWith(`${sep}package.json`))
        .flatMap((entry) => packageOf(join('node_modules', entry)) ?? []),
    );
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** An application that listens, and everything it has printed. */
export class RunningConsumer {
  stdout = '';
  stderr = '';
  private url = '';

  constructor(private readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (this.stdout += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (this.stderr += chunk));
  }

  async listening(): Promise<void> {
    await new Promise<void>((done, fail) => {
      this.child.stdout?.on('data', () => {
        const url = /^Listening on (\S+)$/m.exec(this.stdout)?.[1];
        if (url === undefined) return;
        this.url = url;
        done();
      });
      this.child.once('exit', (status) => fail(new Error(`ended with ${status}\n${this.stdout}${this.stderr}`)));
    });
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill();
    await ended;
  }
}

function environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], NO_COLOR: '1', PORT: '0', ...env };
}

function packageOf(path: string): string | undefined {
  const inside = path.split(`node_modules${sep}`).at(-1);
  if (inside === undefined || inside === path) return undefined;
  const parts = inside.split(sep);
  return parts.slice(0, inside.startsWith('@') ? 2 : 1).join('/');
}
