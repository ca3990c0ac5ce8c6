import { Injectable } from '@nestjs/common';
import { SecurityConfigurationError } from '../../core/errors.js';
import { principalOf, type HttpRequest } from '../../core/request.js';
import { CsrfProtection } from './csrf-protection.js';

/** Issues the tokens that `csrf.token` asks for; inject it where pages or clients are given theirs. */
@Injectable()
export class CsrfTokens {
  constructor(private readonly protection: CsrfProtection) {}

  /**
   * A new token for who calls, to come back in the header or the form's field. It is never the same twice, and the ones
   * before stay valid until they expire. An answer that holds it must not be stored by caches (`Cache-Control: no-store`).
   *
   * @throws SecurityConfigurationError where `csrf.token` is not configured
   * @throws Error where nobody is authenticated, or `csrf.token.binding` answers with nothing
   */
  issue(request: HttpRequest): string {
    const { tokens } = this.protection;
    if (tokens === undefined) {
      throw new SecurityConfigurationError([
        {
          where: 'csrf.token',
          problem: 'is not configured, yet a token is to be issued',
          fix: 'Set csrf.token.secret to at least 32 random bytes',
        },
      ]);
    }
    return tokens.issue(request, principalOf(request));
  }
}
