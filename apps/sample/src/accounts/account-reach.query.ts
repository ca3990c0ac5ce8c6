import { eq, sql, type SQL } from 'drizzle-orm';
import { accounts } from '../database/schema.js';
import { isIdentifier } from '../identifiers.js';
import type { AccountReach } from './account-access.policy.js';

/** The condition on `accounts` that a reach means; an owner who cannot exist owns nothing (fails closed). */
export function withinReach(reach: AccountReach): SQL {
  if (reach.everybody) return sql`true`;
  return isIdentifier(reach.ownerId) ? eq(accounts.ownerId, reach.ownerId) : sql`false`;
}
