import { open, readFile, rm } from 'node:fs/promises';

/** The locks that this process holds: its own number in a file tells nothing, as containers all run as number 1. */
const held = new Set<string>();

/** Keeps a second process off a directory; two embedded databases on the same files would destroy them. */
export class DirectoryLock {
  private constructor(private readonly file: string) {}

  /**
   * Takes the lock, also over from a process that ended without giving it back.
   *
   * @throws {Error} when a running process has it
   */
  static async acquire(file: string): Promise<DirectoryLock> {
    if (held.has(file)) throw inUse(file);
    held.add(file);
    try {
      if (!(await write(file))) {
        if (isRunning(Number(await readFile(file, 'utf8')))) throw inUse(file);
        await rm(file, { force: true });
        if (!(await write(file))) throw inUse(file);
      }
      return new DirectoryLock(file);
    } catch (error) {
      held.delete(file);
      throw error;
    }
  }

  async release(): Promise<void> {
    await rm(this.file, { force: true });
    held.delete(this.file);
  }
}

function inUse(file: string): Error {
  return new Error(`Another process uses the data directory. If none does, remove ${file}.`);
}

/** Creates the file, unless it is there. */
async function write(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is running all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
