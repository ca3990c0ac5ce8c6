import type { Principal } from './principal.js';

/** Who was let in, and by which route. */
export interface Admission {
  readonly principal: Principal;
  readonly route: object;
}

/**
 * What the library knows of one request on its way: found out at the edge, read by guards, decorators and events. It
 * hangs on Node's request, in one property: each costs more than a microsecond on Express's requests.
 */
export class Passage {
  admission: Admission | undefined = undefined;

  constructor(
    /** The address of the client, behind the proxies that are trusted. */
    readonly address: string | undefined,
    /** Whether the client came over TLS, as far as the connection or a trusted proxy says so. */
    readonly secure: boolean,
  ) {}
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
