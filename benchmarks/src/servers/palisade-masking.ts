import { Sensitive } from '@palisade/nest';
import { Holder } from './ledger.js';
import { stack as palisade } from './palisade.js';
import type { Stack } from './stack.js';

// One class with a rule is enough: from then on every answer has to be looked at.
Sensitive()(Holder.prototype, 'taxNumber');

/** As `palisade`, in an application that hides fields. */
export const stack: Stack = palisade;
