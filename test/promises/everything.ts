import { Body, Controller, Get, Post } from '@nestjs/common';
import { Public, RateLimit, Roles, SecurityEvents, SecurityModule, type SecurityEvent } from '@palisade/nest';
import { IsString } from 'class-validator';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import { LogBook } from '../support/log-book.js';
import { ROLES, trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

export const HOST = 'api.palisade.test';
export const FRIEND = 'https://app.palisade.test';

class Note {
  @IsString()
  text!: string;
}

@Controller()
class Routes {
  @Get('open')
  @Public()
  open() {
    return { served: true };
  }

  @Get('mine')
  mine() {
    return { served: true };
  }

  @Get('admin')
  @Roles('admin')
  admin() {
    return { served: true };
  }

  @Get('once')
  @Public()
  @RateLimit('1/hour')
  once() {
    return { served: true };
  }

  @Get('broken')
  @Public()
  broken(): never {
    throw new Error('the handler broke');
  }

  @Post('notes')
  @Public()
  note(@Body() note: Note) {
    return note;
  }
}

const key = signingKey('ES256');

/** An application with every part switched on at once, behind a proxy, with a middleware of somebody else in it. */
export class Everything {
  readonly log = new LogBook();
  readonly events: SecurityEvent[] = [];
  private running!: RunningApplication;

  constructor(readonly adapter: AdapterName) {}

  async start(): Promise<void> {
    const jwt = { ...trusting(key), from: ['header' as const, { cookie: '__Host-session' }] };
    this.running = await startApplication(
      this.adapter,
      {
        imports: [
          SecurityModule.forRoot({
            proxy: { trust: ['127.0.0.1'] },
            hosts: [HOST],
            https: { mode: 'reject' },
            firewall: { bodyLimit: '10kb' },
            headers: { reporting: { path: '/.well-known/csp-reports' } },
            cors: { origins: [FRIEND], credentials: true },
            csrf: {},
            authentication: { jwt },
            authorization: { roles: ROLES },
            rateLimit: { limits: { all: '10000/minute' }, global: ['all'] },
            bans: { honeypots: ['/wp-login.php'], blocklist: ['203.0.113.66'] },
            lockout: {},
            loadShedding: {},
          }),
        ],
        controllers: [Routes],
      },
      {
        logger: this.log,
        configure: (app) =>
          void app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
            // As one that was left over says it of itself.
            response.setHeader('X-Powered-By', 'Left over');
            next();
          }),
      },
    );
    this.running.app.get(SecurityEvents).subscribe((event) => this.events.push(event));
  }

  close(): Promise<void> {
    return this.running.close();
  }

  get client() {
    return this.running.client;
  }

  get tokens(): TokenIssuer {
    return new TokenIssuer(key, this.running.clock);
  }
}
