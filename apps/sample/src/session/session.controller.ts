import { Body, Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ClearSiteData, Cors, CsrfTokens, CurrentUser, Lockout, Public, type HttpRequest } from '@palisade/nest';
import { AccessTokenIssuer } from '../auth/access-token.issuer.js';
import { LedgerException } from '../errors.js';
import type { Reply } from '../reply.js';
import { UsersService } from '../users/users.service.js';
import { ENDED_SESSION_COOKIE, sessionCookie } from './session.cookie.js';
import { SignInDto } from './sign-in.dto.js';

/** A session as its own page sees it. */
export interface Session {
  readonly id: string;
  /** To be sent as `X-CSRF-Token` with whatever changes something. */
  readonly csrfToken: string;
}

/** Sessions in a cookie, for the bank's own pages; programs and pages of other origins have tokens. */
@Controller('session')
@Cors(false)
export class SessionController {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: AccessTokenIssuer,
    private readonly csrf: CsrfTokens,
    private readonly lockout: Lockout,
  ) {}

  /** @throws {LedgerException} 403 for a wrong password and an unknown user alike */
  @Post()
  @Public()
  @HttpCode(204)
  async begin(
    @Body() { username, password }: SignInDto,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<void> {
    const user = await this.lockout.attempt(username, request, () => this.users.authenticate(username, password));
    if (user === undefined) throw new LedgerException(403, 'sign_in_refused', 'The username or the password is wrong');
    reply.header('Set-Cookie', sessionCookie(await this.tokens.issue(user)));
  }

  @Get()
  show(@CurrentUser('id') id: string, @Req() request: HttpRequest): Session {
    return { id, csrfToken: this.csrf.issue(request) };
  }

  // Public: whoever wants to leave may, also with a session that the bank takes no more.
  @Delete()
  @Public()
  @ClearSiteData()
  @HttpCode(204)
  end(@Res({ passthrough: true }) reply: Reply): void {
    reply.header('Set-Cookie', ENDED_SESSION_COOKIE);
  }
}
