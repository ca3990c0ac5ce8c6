import type { Principal } from '@palisade/nest';

/** Whose accounts a caller may read: everybody's, or those of one owner. */
export type AccountReach = { readonly everybody: true } | { readonly everybody: false; readonly ownerId: string };

const READS_EVERY_ACCOUNT: ReadonlySet<string> = new Set(['teller', 'auditor', 'admin']);

/** Staff reads every account, anybody else only its own, also with roles that are not known here (fails closed). */
export function accountReachOf({ id, roles }: Pick<Principal, 'id' | 'roles'>): AccountReach {
  return roles.some((role) => READS_EVERY_ACCOUNT.has(role)) ? { everybody: true } : { everybody: false, ownerId: id };
}
