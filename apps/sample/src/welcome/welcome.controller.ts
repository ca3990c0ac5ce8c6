import { Controller, Get, Header } from '@nestjs/common';
import { ContentSecurityPolicy, CspNonce, Public } from '@palisade/nest';
import { welcomePage } from './welcome.page.js';

/** The one page of the bank: it signs somebody in and shows the accounts. */
@Controller()
export class WelcomeController {
  @Get()
  @Public()
  @ContentSecurityPolicy({
    directives: {
      scriptSrc: ["'nonce'"],
      styleSrc: ["'nonce'"],
      connectSrc: ["'self'"],
      requireTrustedTypesFor: ["'script'"],
    },
  })
  @Header('Content-Type', 'text/html; charset=utf-8')
  welcome(@CspNonce() nonce: string): string {
    return welcomePage(nonce);
  }
}
