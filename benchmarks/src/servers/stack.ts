import type { INestApplication, Type } from '@nestjs/common';
import type { Adapter } from '../settings.js';

export type StackName = 'bare' | 'assembled' | 'palisade' | 'palisade-masking' | 'helmet-cors' | 'palisade-edge';

/** The origin that stacks with CORS allow. */
export const ORIGIN = 'https://app.bank.example';

/** The stacks that leave a field out of the answer of `/accounts/:id/holder`. */
export const HIDING: ReadonlySet<StackName> = new Set(['assembled', 'palisade-masking']);

/** What a server process is told when it is started. */
export interface ServerSpec {
  readonly stack: StackName;
  readonly adapter: Adapter;
  /** The public key, PEM. */
  readonly key: string;
  /** Generated routes, instead of the ledger's ten. */
  readonly routes?: number;
}

/** One way to secure the same handlers. */
export interface Stack {
  createModule(spec: ServerSpec): Type;
  /** What is done in `main.ts` once the application exists. */
  configure?(app: INestApplication, adapter: Adapter): Promise<void>;
}
