import { readFile } from 'node:fs/promises';
import { arch, cpus, loadavg, platform } from 'node:os';
import type { Verdict } from './budgets.js';
import type { Spread } from './statistics.js';
import type { SuiteName } from './settings.js';

/** One line of a table: a server (or a function) under one load. */
export interface Row {
  /** What is alike in the rows that are compared: adapter, algorithm, load. */
  readonly group: string;
  readonly subject: string;
  readonly value: Spread;
  readonly perSecond?: Spread | undefined;
  /** Against the reference of the group; absent on the reference itself. */
  readonly comparison?: Spread | undefined;
  readonly verdict?: Verdict | undefined;
  /** Further figures, by name, for the JSON alone. */
  readonly details?: Readonly<Record<string, Spread>> | undefined;
}

export interface SuiteResult {
  readonly suite: SuiteName;
  readonly title: string;
  /** What `value` counts. */
  readonly unit: string;
  /** How `comparison` relates to the reference: a factor or an addition in the unit of `value`. */
  readonly comparison: { readonly kind: 'ratio' | 'difference'; readonly heading: string };
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Load of the last minute before the run: more than a little, and the figures are rough. */
  readonly load: number;
  readonly packages: Readonly<Record<string, string>>;
}

const PACKAGES = [
  '@palisade/nest',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  '@nestjs/passport',
  '@nestjs/throttler',
  'express',
  'fastify',
  'passport-jwt',
  'jsonwebtoken',
  'helmet',
  '@fastify/helmet',
  'cors',
  '@fastify/cors',
  'class-validator',
  'autocannon',
  'rate-limiter-flexible',
  'express-rate-limit',
  '@nest-lab/throttler-storage-redis',
  'ioredis',
];

export async function describeMachine(): Promise<Machine> {
  const versions = await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)] as const));
  return {
    node: process.version,
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
    packages: Object.fromEntries(versions),
  };
}

async function versionOf(name: string): Promise<string> {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return version;
}
