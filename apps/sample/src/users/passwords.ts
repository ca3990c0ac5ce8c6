import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { randomBytes } from 'node:crypto';

export const MAX_PASSWORD_LENGTH = 1024;

/** What one password hash costs. */
export interface PasswordCost {
  /** Kibibytes. */
  readonly memoryCost: number;
  /** Passes over the memory. */
  readonly timeCost: number;
  /** Threads. */
  readonly parallelism: number;
}

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one thread. */
export const OWASP_PASSWORD_COST: PasswordCost = { memoryCost: 19456, timeCost: 2, parallelism: 1 };

/** The injection token of {@link PasswordCost}. */
export const PASSWORD_COST = Symbol('ledger.password-cost');

// `Algorithm.Argon2id` is an ambient const enum, which isolated modules cannot read.
const ARGON2ID = 2;

/** Hashes and checks passwords with argon2id. */
@Injectable()
export class Passwords implements OnModuleInit {
  private made: Promise<string> | undefined;

  constructor(@Inject(PASSWORD_COST) private readonly cost: PasswordCost) {}

  /** Makes the decoy before the first request, which would otherwise take twice as long for an unknown user. */
  async onModuleInit(): Promise<void> {
    await this.decoy();
  }

  hash(password: string): Promise<string> {
    return hash(password, { ...this.cost, algorithm: ARGON2ID });
  }

  /**
   * Without a hash, as for a user who does not exist, the same work is done against a decoy, so that the time taken
   * does not tell which names exist.
   */
  async matches(stored: string | undefined, password: string): Promise<boolean> {
    const matched = await verify(stored ?? (await this.decoy()), password);
    return matched && stored !== undefined;
  }

  /** The hash of a password that nobody has. */
  decoy(): Promise<string> {
    this.made ??= this.hash(randomBytes(32).toString('base64url'));
    return this.made;
  }
}
