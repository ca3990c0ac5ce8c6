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
  /** Milliseconds until all units are there again. */
  readonly resetAfter: number;
  readonly isDenied: boolean;
  /** Milliseconds until the limit allows the same request again, 0 for at once, `Infinity` for never. */
  readonly againAfter: number;
}

/** What was taken of limits and can be given back. */
export interface TakenUnits {
  giveBack(): void;
  /** Returns how a client stands with one of the limits when that was done. */
  restored(standing: LimitStanding): LimitStanding;
}

const NO_FIELDS: readonly AnswerField[] = Object.freeze([]);
const FORMAT = 1;
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
  /** Milliseconds until none of the limits that were asked so far denies the same request, told or not. */
  againAfter = 0;
  /** What the first of two stages of limits took, for the second to give back where it denies. */
  takenFirst: TakenUnits | undefined = undefined;
  /** The passage through the edge of another application, which handed the request on to this one. */
  outer: Passage | undefined = undefined;
  /** Whether it speaks for the request; `false` once the request was handed on to another application. */
  isInCharge = true;
  private addressAskedBy: object | undefined = undefined;
  private principalAskedBy: object | undefined = undefined;

  constructor(
    /** The address of the client, behind the proxies that are trusted. */
    readonly address: string | undefined,
    /** Whether the client came over TLS, as far as the connection or a trusted proxy says so. */
    readonly secure: boolean,
    /** Stands for the edge that was passed; absent where none was. */
    readonly edge?: object | undefined,
  ) {}

  /** Changes with the fields that decorators of another copy of the package read. */
  get format(): number {
    return FORMAT;
  }

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

// Registered, so that decorators of a second copy of the package find what the guard of the first has left.
const PASSAGE = Symbol.for('@palisade/nest:passage');

interface Carrier {
  [PASSAGE]?: Passage;
}

/** The passage that Node's request carries. */
export function passageIn(rawRequest: object): Passage | undefined {
  return (rawRequest as Carrier)[PASSAGE];
}

/** One application may stand below another, on one request: whoever begins last speaks for it. */
export function beginPassage(rawRequest: object, passage: Passage): void {
  const outer = (rawRequest as Carrier)[PASSAGE];
  if (outer !== undefined) {
    outer.isInCharge = false;
    passage.outer = outer;
  }
  (rawRequest as Carrier)[PASSAGE] = passage;
}

/** The passage through this edge, and not only that of another application in front of it. */
export function passageThrough(rawRequest: object, edge: object): Passage | undefined {
  let passage = passageIn(rawRequest);
  while (passage !== undefined && passage.edge !== edge) passage = passage.outer;
  return passage;
}

/** The passage through this edge, which speaks for the request from here on; `undefined` where there was none. */
export function takeCharge(rawRequest: object, edge: object): Passage | undefined {
  const current = passageIn(rawRequest);
  return current === undefined || current.edge === edge ? current : promoted(rawRequest, current, edge);
}

/** An application that was asked in between has handed the request back. */
function promoted(rawRequest: object, current: Passage, edge: object): Passage | undefined {
  let inner = current;
  for (let passage = current.outer; passage !== undefined; inner = passage, passage = passage.outer) {
    if (passage.edge !== edge) continue;
    inner.outer = passage.outer;
    passage.isInCharge = true;
    beginPassage(rawRequest, passage);
    return passage;
  }
  return undefined;
}
