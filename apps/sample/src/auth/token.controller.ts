import { Body, Controller, Header, HttpCode, HttpException, Post, Req } from '@nestjs/common';
import { ContentTypes, CsrfExempt, Lockout, Public, type HttpRequest } from '@palisade/nest';
import { UsersService } from '../users/users.service.js';
import { AccessTokenIssuer } from './access-token.issuer.js';
import { TokenRequestPipe, type TokenError, type TokenRequest } from './token-request.js';

/** RFC 6749, section 5.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Seconds. */
  readonly expires_in: number;
}

// Wrong password and unknown user are answered alike.
const INVALID_GRANT: TokenError = { error: 'invalid_grant', description: 'The username or the password is wrong' };

@Controller('auth')
export class TokenController {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: AccessTokenIssuer,
    private readonly lockout: Lockout,
  ) {}

  // The body is no DTO: its errors are OAuth's, not those of the validation pipe. Its form is that of RFC 6749, section
  // 4.3.2. The answer sets no cookie, so that no other site can sign anybody in by it.
  @Post('token')
  @Public()
  @ContentTypes('application/x-www-form-urlencoded')
  @CsrfExempt()
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Header('Pragma', 'no-cache')
  async issue(
    @Body(TokenRequestPipe) form: TokenRequest | TokenError,
    @Req() request: HttpRequest,
  ): Promise<TokenAnswer> {
    if ('error' in form) throw oauthError(form);
    const { username, password } = form;
    const user = await this.lockout.attempt(username, request, () => this.users.authenticate(username, password));
    if (user === undefined) throw oauthError(INVALID_GRANT);
    const token = await this.tokens.issue(user);
    return { access_token: token.value, token_type: 'Bearer', expires_in: token.expiresIn };
  }
}

/** RFC 6749, section 5.2. */
function oauthError({ error, description }: TokenError): HttpException {
  return new HttpException({ error, error_description: description }, 400);
}
