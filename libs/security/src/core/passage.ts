import type { Principal } from './principal.js';

/** Who was let in, and by which route. */
export interface Admission {
  readonly principal: Principal;
  readonly route: object;
}

/** A header field, with its name as it is sent and in lower case. */
export interface AnswerField {
  readonly name: string;
  readonly key: string;
  readonly value: string;
}

/** How a client stands with a limit that was asked. */
export interface LimitStanding {
  readonly limit: { readonly name: string; readonly quota: number; readonly window: number; readonly policy: string };
  readonly remaining: number;
  /** Milliseconds. */
  readonly resetAfter: number;
}

const NO_FIELDS: readonly AnswerField[] = Object.freeze([]);
const NO_STANDINGS: readonly LimitStanding[] = Object.freeze([]);

/**
 * What the library knows of one request on its way: found out at the edge, read by guards, decorators and events. It
 * hangs on Node's request, in one property: each costs more than a microsecond on Express's requests.
 */
export class Passage {
  admission: Admission | undefined = undefined;
  /** Node's response, where the edge has seen it. */
  response: object | undefined = undefined;
  /** Whether a call that the request carries was made by somebody who is known. */
  isPersonal = false;
  /** What guards add to the header of the answer, errors included, unless the application says it itself. */
  fields: readonly AnswerField[] = NO_FIELDS;
  /** The limits that were asked so far, and what the header of the answer says of them. */
  standings: readonly LimitStanding[] = NO_STANDINGS;
  standingFields: ((standings: readonly LimitStanding[]) => readonly AnswerField[]) | undefined = undefined;
  /** What the first of two stages of limits took, for the second to give back where it denies. */
  takenFirst: { giveBack(): void } | undefined = undefined;
  private addressAskedBy: object | undefined = undefined;
  private principalAskedBy: object | undefined = undefined;

  constructor(
    /** The address of the client, behind the proxies that are trusted. */
    readonly address: string | undefined,
    /** Whether the client came over TLS, as far as the connection or a trusted proxy says so. */
    readonly secure: boolean,
  ) {}

  /** True the first time that a stage of this route's limits is asked: a second guard must not take the same again. */
  firstAsked(stage: 'address' | 'principal', route: object): boolean {
    if (stage === 'address') {
      if (this.addressAskedBy === route) return false;
      this.addressAskedBy = route;
    } else {
      if (this.principalAskedBy === route) return false;
      this.principalAskedBy = route;
    }
    return true;
  }

  /** The same for both stages together; where one was asked already, the other is asked by itself. */
  bothFirstAsked(route: object): boolean {
    if (this.addressAskedBy === route || this.principalAskedBy === route) return false;
    this.addressAskedBy = this.principalAskedBy = route;
    return true;
  }
}

const PASSAGE = Symbol('palisade.passage');

interface Carrier {
  [PASSAGE]?: Passage;
}

/** The passage that Node's request carries. */
export function passageIn(rawRequest: object): Passage | undefined {
  return (rawRequest as Carrier)[PASSAGE];
}

export function beginPassage(rawRequest: object, passage: Passage): void {
  (rawRequest as Carrier)[PASSAGE] = passage;
}
