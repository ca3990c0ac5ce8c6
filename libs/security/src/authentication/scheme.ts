import type { HttpException } from '@nestjs/common';
import type { Denied } from '../core/decision.js';
import type { Principal } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';

/** What a scheme made of a request; `undefined` where the request brings no credentials for it. */
export type SchemeResult = SchemeSuccess | SchemeFailure | undefined;

export interface SchemeSuccess {
  readonly principal: Principal;
  /** True where a browser sends the credential by itself, to whoever made it send the request. */
  readonly ambient?: boolean | undefined;
}

export interface SchemeFailure {
  readonly denial: Denied;
  /** True when no other scheme may be tried: the credentials are this scheme's, and wrong (fails closed). */
  readonly final: boolean;
  /** Challenges in place of the scheme's own. */
  readonly challenges?: readonly string[] | undefined;
  readonly redirect?: { readonly url: string; readonly status: number } | undefined;
  /** The answer in place of the library's own, as an application's strategy chose it. */
  readonly exception?: HttpException | undefined;
}

/** The credentials of a request have to be looked at. */
export const UNRECOGNIZED = Symbol('unrecognized');

/** A way to authenticate. */
export interface Scheme {
  readonly name: string;
  /** The value of `WWW-Authenticate` for a denial; computed before, not per request. */
  challenge(denial: Denied): string;
  authenticate(request: HttpRequest): SchemeResult | Promise<SchemeResult>;
  /** What `authenticate` would answer, where that is known without any work; absent where it never is. */
  recognize?(request: HttpRequest): SchemeResult | typeof UNRECOGNIZED;
}

export function isSuccess(result: SchemeResult): result is SchemeSuccess {
  return result !== undefined && 'principal' in result;
}
