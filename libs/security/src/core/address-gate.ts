import type { Denied } from './decision.js';
import type { HttpRequest } from './request.js';

/** Whom the edge asks about every request, as soon as it knows where it comes from and before anything else. */
export interface AddressGate {
  /** Whether what it denies is only recorded. */
  readonly records: boolean;
  /**
   * `undefined` to let the request go on. What it throws or rejects with ends the request (fails closed).
   *
   * @param address the client's, behind trusted proxies; `undefined` where the connection has none
   */
  admit(request: HttpRequest, address: string | undefined): Denied | undefined | Promise<Denied | undefined>;
}
