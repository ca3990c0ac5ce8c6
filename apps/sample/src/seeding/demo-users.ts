import type { Role } from '../users/user.js';

export interface DemoUser {
  readonly username: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** What the user's first account holds. */
  readonly account?: { readonly openingBalance: number; readonly riskNote: string | null };
}

/** One user of each kind; money in whole cents. */
export const DEMO_USERS: readonly DemoUser[] = [
  {
    username: 'alice',
    name: 'Alice',
    roles: ['customer'],
    account: { openingBalance: 100_000, riskNote: 'Pays on time' },
  },
  { username: 'bob', name: 'Bob', roles: ['customer'], account: { openingBalance: 50_000, riskNote: 'Under review' } },
  { username: 'tess', name: 'Tess', roles: ['teller'] },
  { username: 'audrey', name: 'Audrey', roles: ['auditor'] },
  { username: 'root', name: 'Root', roles: ['admin'] },
];
