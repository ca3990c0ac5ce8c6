import { Body, Controller, Get, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { CurrentUser, Public, Roles, SecurityModule, type JwtOptions, type Principal } from '@palisade/nest';
import { IsInt, IsString, Max, Min } from 'class-validator';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import type { HttpAnswer } from '../support/http-client.js';
import { ROLES, trusting } from '../support/security.js';
import { signingKey, TokenIssuer, type SigningKey } from '../support/tokens.js';

class TransferDto {
  @IsString()
  to!: string;

  @IsInt()
  @Min(1)
  @Max(1_000_000)
  cents!: number;
}

@Controller()
class Bank {
  @Get('me')
  me(@CurrentUser() { id, roles, scopes, permissions }: Principal) {
    return { id, roles, scopes, permissions };
  }

  @Get('admin')
  @Roles('admin')
  admin() {
    return { vault: 'open' };
  }

  @Post('transfers')
  @Public()
  transfer(@Body() transfer: TransferDto) {
    return { booked: transfer.cents };
  }

  @Post('notes')
  @Public()
  note(@Body() note: Record<string, unknown>) {
    return { fields: Object.keys(note) };
  }
}

/** Everything that an application logs, to be searched for what must not be there. */
class LogBook {
  private readonly lines: string[] = [];
  readonly log = (...parts: unknown[]) => void this.lines.push(parts.map(String).join(' '));
  readonly error = this.log;
  readonly warn = this.log;
  readonly debug = this.log;
  readonly verbose = this.log;
  readonly fatal = this.log;

  get text(): string {
    return this.lines.join('\n');
  }
}

/** An application under attack: what it trusts, and what its attacker has of it. */
export class Victim {
  readonly log = new LogBook();
  private running!: RunningApplication;

  constructor(
    readonly adapter: AdapterName,
    readonly key: SigningKey,
    private readonly jwt: JwtOptions,
  ) {}

  async start(): Promise<void> {
    this.running = await startApplication(
      this.adapter,
      {
        imports: [SecurityModule.forRoot({ authentication: { jwt: this.jwt }, authorization: { roles: ROLES } })],
        controllers: [Bank],
      },
      { logger: this.log },
    );
  }

  close(): Promise<void> {
    return this.running.close();
  }

  get client() {
    return this.running.client;
  }

  get now(): number {
    return this.running.clock.seconds;
  }

  get tokens(): TokenIssuer {
    return new TokenIssuer(this.key, this.running.clock);
  }

  present(token: string): Promise<HttpAnswer> {
    return this.client.get('/me', { authorization: `Bearer ${token}` });
  }

  /** The token is refused with a clear 4xx and a stable code, and shows up neither in the answer nor in the log. */
  async expectRefused(token: string, ...codes: string[]): Promise<HttpAnswer> {
    const answer = await this.present(token);
    this.expectClearRefusal(answer, ...codes);
    for (const secret of token.split('.').filter((part) => part.length > 12)) {
      expect(answer.text).not.toContain(secret);
      expect(JSON.stringify(answer.headers)).not.toContain(secret);
      expect(this.log.text).not.toContain(secret);
    }
    return answer;
  }

  expectClearRefusal(answer: HttpAnswer, ...codes: string[]): void {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    const body = answer.body;
    expect(body['statusCode']).toBe(answer.status);
    expect(typeof body['error']).toBe('string');
    expect(typeof body['message']).toBe('string');
    if (codes.length > 0) expect(codes).toContain(body['code']);
    else expect(body['code']).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(answer.text).not.toMatch(/node_modules|\.[jt]s:\d+|Error:/);
    if (answer.status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
  }
}

/** Runs an attack on both adapters, against an application that trusts one key. */
export function attack(
  name: string,
  run: (victim: Victim) => void,
  alg = 'RS256',
  options: Partial<JwtOptions> = {},
): void {
  describe.each(ADAPTERS)(`${name} on %s`, (adapter) => {
    const key = signingKey(alg);
    const victim = new Victim(adapter, key, { ...trusting(key), ...options } as JwtOptions);
    beforeAll(() => victim.start());
    afterAll(() => victim.close());
    run(victim);
  });
}
