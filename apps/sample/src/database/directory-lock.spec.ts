import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryLock } from './directory-lock.js';

describe('the lock of a directory', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ledger-lock-'));
    file = join(directory, 'lock');
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is held once, until it is given back', async () => {
    const lock = await DirectoryLock.acquire(file);
    await expect(DirectoryLock.acquire(file)).rejects.toThrow('Another process uses the data directory');
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
    await (await DirectoryLock.acquire(file)).release();
  });

  it('is not taken from a process that is running', async () => {
    await writeFile(file, String(process.ppid));
    await expect(DirectoryLock.acquire(file)).rejects.toThrow('Another process uses the data directory');
  });

  it.each([
    ['a process that has ended', () => String(spawnSync(process.execPath, ['--version']).pid)],
    ['an earlier process of the same number', () => String(process.pid)],
    ['what is no process', () => ''],
  ])('is taken over from %s', async (_, holder) => {
    await writeFile(file, holder());
    const lock = await DirectoryLock.acquire(file);
    expect(await readFile(file, 'utf8')).toBe(String(process.pid));
    await lock.release();
  });

  it('needs a directory', async () => {
    await expect(DirectoryLock.acquire(join(directory, 'missing', 'lock'))).rejects.toThrow('ENOENT');
    await expect(DirectoryLock.acquire(join(directory, 'missing', 'lock'))).rejects.toThrow('ENOENT');
  });
});
