import { and, eq } from 'drizzle-orm';
import { createHash } from 'node:crypto';
import type { Orm } from '../database/database.js';
import { transferRequests } from '../database/schema.js';
import type { TransferOrder, TransferRefusal } from './transfer.policy.js';

/** What came of a request: the id of the transfer, or why there is none. */
export type TransferOutcome =
  | { readonly booked: true; readonly transferId: string }
  | { readonly booked: false; readonly refusal: TransferRefusal };

/** A key is `new`, was `answered` before, or was `reused` for another order. */
export type KeyClaim =
  | { readonly state: 'new' }
  | { readonly state: 'answered'; readonly outcome: TransferOutcome }
  | { readonly state: 'reused' };

/**
 * Takes a key for this transaction. A second request with the same key waits here until the first has committed, and
 * then finds its outcome; when the first was rolled back, it goes ahead itself.
 */
export async function claimKey(orm: Orm, subject: string, key: string, order: TransferOrder): Promise<KeyClaim> {
  const fingerprint = fingerprintOf(order);
  const claimed = await orm
    .insert(transferRequests)
    .values({ subject, key, fingerprint })
    .onConflictDoNothing()
    .returning({ key: transferRequests.key });
  if (claimed.length > 0) return { state: 'new' };
  const [earlier] = await orm.select().from(transferRequests).where(ofKey(subject, key));
  if (earlier?.fingerprint !== fingerprint || earlier.outcome === null) return { state: 'reused' };
  return { state: 'answered', outcome: outcomeOf(earlier.outcome, earlier.transferId) };
}

export async function recordOutcome(orm: Orm, subject: string, key: string, outcome: TransferOutcome): Promise<void> {
  await orm
    .update(transferRequests)
    .set(
      outcome.booked
        ? { outcome: 'booked', transferId: outcome.transferId }
        : { outcome: outcome.refusal, transferId: null },
    )
    .where(ofKey(subject, key));
}

function outcomeOf(outcome: string, transferId: string | null): TransferOutcome {
  return transferId === null ? { booked: false, refusal: outcome as TransferRefusal } : { booked: true, transferId };
}

function ofKey(subject: string, key: string) {
  return and(eq(transferRequests.subject, subject), eq(transferRequests.key, key));
}

function fingerprintOf({ from, to, amount, reference }: TransferOrder): string {
  return createHash('sha256')
    .update(JSON.stringify([from, to, amount, reference]))
    .digest('base64url');
}
