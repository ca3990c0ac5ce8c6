import {
  Body,
  ConflictException,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import {
  Authenticated,
  Cors,
  CsrfTokens,
  Lockout,
  OptionalAuth,
  Permissions,
  Policy,
  Public,
  RateLimit,
  Roles,
  Scopes,
  SecurityEvents,
  SecurityModule,
  Sensitive,
  VisibleTo,
  type AccessAnswer,
  type HttpRequest,
  type JwtOptions,
  type SecurityEvent,
  type SecurityOptions,
} from '@palisade/nest';
import { IsString } from 'class-validator';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import type { HttpAnswer, HttpCall } from '../support/http-client.js';
import { LogBook } from '../support/log-book.js';
import { ROLES, trusting } from '../support/security.js';
import { sharedSecret, signingKey, TokenIssuer } from '../support/tokens.js';

export const HOST = 'api.palisade.test';
/** The application's page, on another origin: CORS lets it read, CSRF trusts it. */
export const FRIEND = 'https://app.palisade.test';
/** An origin that may read and is not trusted to act for a user. */
export const READER = 'https://reader.palisade.test';
export const STRANGER = 'https://evil.example';
export const COOKIE = '__Host-session';
export const PASSWORD = 'right-password';

/** Functions of the application that can be made to fail. */
export interface Faults {
  policy?: (() => AccessAnswer) | undefined;
  key?: (() => never) | undefined;
}

export const faults: Faults = {};

class Note {
  @IsString()
  text!: string;
}

class Credentials {
  @IsString()
  name!: string;

  @IsString()
  password!: string;
}

export class Account {
  id = 'a-1';
  @Sensitive() pin = 'pin-value';
  @VisibleTo('teller') balance = 'balance-value';
  @VisibleTo({ roles: ['teller'], otherwise: (iban) => `…${String(iban).slice(-4)}` }) iban = 'iban-value-6789';
}

interface Answer {
  header(name: string, value: string): unknown;
}

@Controller()
class Routes {
  constructor(
    private readonly lockout: Lockout,
    private readonly csrf: CsrfTokens,
  ) {}

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

  @Get('permitted')
  @Permissions('account:close')
  permitted() {
    return { served: true };
  }

  @Get('scoped')
  @Scopes('accounts:write')
  scoped() {
    return { served: true };
  }

  @Get('judged/:id')
  @Policy(() => faults.policy?.() ?? true)
  judged(@Param('id') id: string) {
    return { served: id };
  }

  @Get('maybe')
  @OptionalAuth()
  maybe() {
    return { served: true };
  }

  @Get('account')
  @Authenticated()
  account() {
    return { accounts: [new Account()], one: new Account() };
  }

  @Get('conflict')
  conflict(): never {
    throw new ConflictException({ message: 'conflict', account: new Account() });
  }

  @Get('search')
  @Public()
  search(@Query() { text }: Note) {
    return { found: text.length };
  }

  @Get('once')
  @Public()
  @RateLimit('1/hour')
  once() {
    return { served: true };
  }

  @Get('five')
  @Public()
  @RateLimit({ limit: '5/minute', by: 'ip' })
  five() {
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

  @Post('transfers')
  @HttpCode(200)
  transfer(@Body() note: Note) {
    return { booked: note.text };
  }

  @Get('csrf')
  csrfToken(@Req() request: HttpRequest) {
    return { token: this.csrf.issue(request) };
  }

  @Get('partners')
  @Public()
  @Cors({ origins: ['https://partner.example'] })
  partners() {
    return { served: true };
  }

  @Post('login')
  @Public()
  @RateLimit('login')
  @HttpCode(200)
  async login(
    @Body() { name, password }: Credentials,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: Answer,
  ) {
    const user = await this.lockout.attempt(name, request, () => (password === PASSWORD ? name : undefined));
    if (user === undefined) throw new UnauthorizedException();
    response.header('Set-Cookie', `${COOKIE}=${issuing.current?.issue({ sub: user }) ?? ''}; Secure; HttpOnly; Path=/`);
    return { user };
  }
}

export const key = signingKey('ES256', 'current');

/** Tokens of the one issuer, from the header or the cookie, with a key provider that can be made to fail. */
export const jwtWith = (): JwtOptions => ({
  ...trusting(key),
  key: () => faults.key?.() ?? key.publicKey,
  from: ['header', { cookie: COOKIE }],
});

const issuing: { current?: TokenIssuer } = {};

/** An application with every part switched on at once, behind a proxy, with a middleware of somebody else in it. */
export class Everything {
  readonly log = new LogBook();
  readonly events: SecurityEvent[] = [];
  private running!: RunningApplication;

  constructor(
    readonly adapter: AdapterName,
    private readonly options: SecurityOptions = {},
  ) {}

  async start(): Promise<void> {
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
            cors: {
              origins: [FRIEND, READER],
              credentials: true,
              headers: ['Content-Type', 'X-CSRF-Token'],
              exposed: ['RateLimit', 'Retry-After'],
            },
            csrf: { apply: 'always', trustedOrigins: [FRIEND], token: { secret: sharedSecret() } },
            authentication: { jwt: jwtWith() },
            authorization: { roles: ROLES, permissions: { teller: ['account:close'] } },
            rateLimit: {
              limits: { all: { limit: '10000/minute', by: 'ip' }, login: { limit: '30/minute', by: 'ip' } },
              global: ['all'],
            },
            bans: {
              honeypots: ['/wp-login.php'],
              blocklist: ['203.0.113.66'],
              denials: {
                reasons: ['account_locked', 'rate_limited', 'csrf_cross_origin', 'host_refused'],
                maxRetry: 10,
              },
            },
            lockout: {},
            loadShedding: { probe: { lag: () => 0 } },
            ...this.options,
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
    issuing.current = this.tokens;
    this.running.app.get(SecurityEvents).subscribe((event) => this.events.push(event));
  }

  async close(): Promise<void> {
    for (const fault of Object.keys(faults) as (keyof Faults)[]) delete faults[fault];
    await this.running.close();
  }

  /** Sends a request as the proxy passes it on from a client at an address, over TLS. */
  from(address: string, path: string, call: HttpCall = {}): Promise<HttpAnswer> {
    return this.client.call(path, {
      host: HOST,
      ...call,
      headers: { 'x-forwarded-for': address, 'x-forwarded-proto': 'https', ...call.headers },
    });
  }

  /** The events that came since the last call. */
  takeEvents(): readonly SecurityEvent[] {
    return this.events.splice(0);
  }

  /** The reasons of the denials since the last call. */
  takeReasons(): readonly string[] {
    return this.takeEvents().flatMap((event) =>
      event.type === 'decision' && !event.allowed && event.reason !== undefined ? [event.reason] : [],
    );
  }

  get client() {
    return this.running.client;
  }

  get clock() {
    return this.running.clock;
  }

  get tokens(): TokenIssuer {
    return new TokenIssuer(key, this.running.clock);
  }
}
