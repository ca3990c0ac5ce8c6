import { Sensitive, VisibleTo } from '../masking.decorators.js';
import { mask } from '../masking.policy.js';

/** What a caller with these roles, which are its permissions as well, is shown. */
export function shownTo(value: unknown, ...roles: string[]): unknown {
  const holds = (name: string) => roles.includes(name);
  return mask(value, () => ({ hasRole: holds, hasPermission: holds }));
}

/** What such a client receives. */
export function sent(value: unknown, ...roles: string[]): unknown {
  const json = JSON.stringify(shownTo(value, ...roles)) as string | undefined;
  return json === undefined ? undefined : JSON.parse(json);
}

/** An account with a rule of each kind. */
export class Account {
  id = 'a1';
  @Sensitive() pin = 'pin-value';
  @VisibleTo('auditor') balance = 100;
  @VisibleTo({ roles: ['teller'], otherwise: 'mask' }) owner = 'Alice Liddell';
  @VisibleTo({ permissions: ['iban:read'], otherwise: (iban) => `…${String(iban).slice(-4)}` }) iban = 'XX00123456789';
}
