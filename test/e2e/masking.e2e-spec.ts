import {
  BadRequestException,
  ClassSerializerInterceptor,
  Controller,
  Get,
  Res,
  Sse,
  StreamableFile,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type MessageEvent,
  type NestInterceptor,
  type Provider,
} from '@nestjs/common';
import { APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OptionalAuth, SecurityModule, Sensitive, VisibleTo } from '@palisade/nest';
import { OmitType, PartialType, PickType } from '@nestjs/mapped-types';
import { Exclude, Expose } from 'class-transformer';
import { from, of, tap, type Observable } from 'rxjs';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const signingKeyOfCache = signingKey('ES256');

class Holder {
  name = 'Alice';
  @Sensitive() pin = 'pin-value';
  @VisibleTo('auditor') risk = 'risk-value';
}

class Account {
  id = 'a1';
  @VisibleTo('auditor', 'teller') balance = 'balance-value';
  @VisibleTo({ roles: ['teller'], otherwise: (iban) => `…${String(iban).slice(-4)}` }) iban = 'XX00-iban-value-6789';
  @VisibleTo({ permissions: ['note:read'], otherwise: 'mask' }) note = 'note-value';
  @Exclude() internal = 'internal-value';
  holder = new Holder();

  @Expose() get label(): string {
    return `account ${this.id}`;
  }
}

class Statement {
  @Sensitive() key = 'key-value';
  lines = [new Account()];

  toJSON(): object {
    return { ...this, copied: this.key, total: this.lines.length };
  }
}

class Summary extends OmitType(Account, ['holder']) {}
class Draft extends PartialType(Account) {}
class Balance extends PickType(Account, ['balance']) {}

/** Shows itself, and stands behind a class that hides. */
class Rewritten extends Account {
  toJSON(): object {
    return { ...this };
  }
}

interface Response {
  status(code: number): { send(body: unknown): unknown };
}

@Controller()
@OptionalAuth()
class AccountsController {
  @Get('omitted') omitted(): Summary {
    return Object.assign(new Summary(), new Account(), { holder: undefined });
  }
  @Get('partial') partial(): Draft {
    return Object.assign(new Draft(), new Account());
  }
  @Get('picked') picked(): Balance {
    return Object.assign(new Balance(), { balance: 'balance-value' });
  }
  @Get('late-error') lateError(): never {
    throw new BadRequestException({ account: new Rewritten() });
  }
  @Get('public') open(): Account {
    return new Account();
  }
  @Get('one') one(): Account {
    return new Account();
  }
  @Get('list') async list(): Promise<object> {
    return Promise.resolve({ items: [new Account(), new Account()], total: 2 });
  }
  @Get('statement') statement(): Statement {
    return new Statement();
  }
  @Get('observable') observable(): Observable<Account> {
    return of(new Account());
  }
  @Sse('events') events(): Observable<MessageEvent> {
    return from([{ data: new Account() }, { data: { nested: [new Account()] } }]);
  }
  @Get('own-response') ownResponse(@Res() response: Response): unknown {
    return response.status(200).send(new Account());
  }
  @Get('passthrough') passthrough(@Res({ passthrough: true }) response: Response): Account {
    response.status(202);
    return new Account();
  }
  @Get('error') error(): never {
    throw new BadRequestException(new Account());
  }
  @Get('file') file(): StreamableFile {
    return new StreamableFile(Buffer.from('file-content'));
  }
  @Get('plain') plain(): unknown {
    return JSON.parse('{"__proto__":{"polluted":1},"pin":"not a field of a class","list":[1]}');
  }
  @Get('nothing') nothing(): undefined {
    return undefined;
  }
  @Get('text') text(): string {
    return 'just text';
  }
  @Get('many') many(): Account[] {
    return Array.from({ length: 5000 }, () => new Account());
  }
  @Get('cycle') cycle(): unknown {
    const account = new Account();
    return Object.assign(account, { self: account });
  }
}

@Controller('serialized')
@OptionalAuth()
@UseInterceptors(ClassSerializerInterceptor)
class SerializedController {
  @Get() one(): object {
    return { account: new Account(), list: [new Account()] };
  }
}

const CONTROLLERS = [AccountsController, SerializedController];
const ANYBODY = { id: 'a1', iban: '…6789', note: '***', holder: { name: 'Alice' } };
const AUDITOR = { ...ANYBODY, balance: 'balance-value', holder: { name: 'Alice', risk: 'risk-value' } };
const TELLER = { ...ANYBODY, balance: 'balance-value', iban: 'XX00-iban-value-6789' };
const NEVER = /pin-value|key-value/u;
const RESTRICTED = /pin-value|key-value|risk-value|balance-value|iban-value|note-value/u;

const key = signingKey('EdDSA');
const security = securityWith(key, { authorization: { permissions: { auditor: ['note:read'] } } });

describe.each(ADAPTERS)('Masked answers on %s', (adapter) => {
  let running: RunningApplication;
  let tokens: TokenIssuer;
  beforeAll(async () => {
    running = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(security)],
      controllers: CONTROLLERS,
    });
    tokens = new TokenIssuer(key, running.clock);
  });
  afterAll(() => running.close());

  const as = (path: string, ...roles: string[]) => running.client.withToken(path, tokens.issue({ roles }));

  it('show nothing restricted to a caller who is not known', async () => {
    expect((await running.client.get('/one')).body).toEqual({ ...ANYBODY, internal: 'internal-value' });
  });

  it.each<[string, object]>([
    ['customer', ANYBODY],
    ['auditor', { ...AUDITOR, note: 'note-value' }],
    ['teller', TELLER],
    ['admin', TELLER],
  ])('show to a caller with the role %s what the role may see, through the hierarchy', async (role, shown) => {
    expect((await as('/one', role)).body).toEqual({ ...shown, internal: 'internal-value' });
  });

  it.each(['/list', '/observable', '/passthrough', '/many', '/statement'])(
    'are masked however the handler answers: %s',
    async (path) => {
      const hidden = await as(path, 'customer');
      expect(hidden.text).toContain('Alice');
      expect(hidden.text).not.toMatch(RESTRICTED);
      const shown = await as(path, 'auditor');
      expect(shown.text).toContain('risk-value');
      expect(shown.text).not.toMatch(NEVER);
    },
  );

  it('are masked in every server-sent event', async () => {
    const hidden = await as('/events');
    expect(hidden.text.match(/^data: /gmu)).toHaveLength(2);
    expect(hidden.text).not.toMatch(RESTRICTED);
    expect((await as('/events', 'auditor')).text.match(/risk-value/gu)).toHaveLength(2);
  });

  it('run the toJSON of a class on what is left', async () => {
    expect((await running.client.get('/statement')).body).toEqual({
      lines: [{ ...ANYBODY, internal: 'internal-value' }],
      total: 1,
    });
  });

  it('hide every field with a rule where the handler answers past the interceptor', async () => {
    const answer = await as('/own-response', 'auditor', 'teller');
    expect(answer.body).toEqual({ id: 'a1', internal: 'internal-value', holder: { name: 'Alice' } });
  });

  it('that are exceptions show what the caller may see, and no more', async () => {
    const shown = await as('/error', 'auditor');
    expect(shown.status).toBe(400);
    expect(shown.body).toMatchObject({ balance: 'balance-value', holder: { name: 'Alice', risk: 'risk-value' } });
    expect(shown.text).not.toContain('pin-value');
    expect((await as('/error')).text).not.toMatch(RESTRICTED);
    expect((await as('/late-error')).text).not.toMatch(RESTRICTED);
  });

  it('of mapped types hide what the class they are made from hides', async () => {
    for (const path of ['/omitted', '/partial', '/picked']) {
      const hidden = await as(path);
      expect(hidden.text).not.toMatch(RESTRICTED);
      expect((await as(path, 'teller')).body).toMatchObject({ balance: 'balance-value' });
    }
  });

  it('leave files, texts, plain objects and nothing as they are', async () => {
    expect((await as('/file')).text).toBe('file-content');
    expect((await as('/text')).text).toBe('just text');
    expect((await as('/nothing')).text).toBe('');
    expect((await as('/plain')).text).toBe('{"__proto__":{"polluted":1},"pin":"not a field of a class","list":[1]}');
  });

  it('that cannot be JSON are a fault of the server and show nothing', async () => {
    const answer = await as('/cycle', 'auditor');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(RESTRICTED);
  });

  it("agree with Nest's serializer on a controller", async () => {
    const label = 'account a1';
    const { body } = await as('/serialized', 'auditor');
    expect(body).toEqual({
      account: { ...AUDITOR, note: 'note-value', label },
      list: [{ ...AUDITOR, note: 'note-value', label }],
    });
    expect((await as('/serialized')).body).toEqual({ account: { ...ANYBODY, label }, list: [{ ...ANYBODY, label }] });
  });
});

describe.each(ADAPTERS)("Masked answers beside Nest's serializer for the whole application, on %s", (adapter) => {
  const inModule: Provider = { provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor };

  it.each(['a provider', 'useGlobalInterceptors'])('(%s) hide the same, and so does the serializer', async (way) => {
    const running = await startApplication(
      adapter,
      {
        imports: [SecurityModule.forRoot(security)],
        controllers: CONTROLLERS,
        providers: way === 'a provider' ? [inModule] : [],
      },
      {
        configure: (app) => {
          if (way !== 'a provider') app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector)));
        },
      },
    );
    try {
      const token = new TokenIssuer(key, running.clock).issue({ roles: ['auditor'] });
      const shown = await running.client.withToken('/list', token);
      expect(shown.body).toMatchObject({ items: [{ ...AUDITOR, note: 'note-value' }, {}], total: 2 });
      expect(shown.text).not.toMatch(/pin-value|internal-value/u);
      const hidden = await running.client.get('/list');
      expect(hidden.body).toMatchObject({ items: [ANYBODY, ANYBODY] });
      expect(hidden.text).not.toMatch(/internal-value/u);
      expect(hidden.text).not.toMatch(RESTRICTED);
    } finally {
      await running.close();
    }
  });
});

describe.each(ADAPTERS)('Masking beside other global interceptors on %s', (adapter) => {
  /** Keeps answers by their path, as a cache does, whoever asked first. */
  class Cache implements NestInterceptor {
    private readonly kept = new Map<string, unknown>();
    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      const { url } = context.switchToHttp().getRequest<{ url: string }>();
      if (this.kept.has(url)) return of(this.kept.get(url));
      return next.handle().pipe(tap((answer) => this.kept.set(url, answer)));
    }
  }

  it('runs around them, in whatever module they are', async () => {
    const running = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(signingKeyOfCache))],
      controllers: [AccountsController],
      providers: [{ provide: APP_INTERCEPTOR, useClass: Cache }],
    });
    const tokens = new TokenIssuer(signingKeyOfCache, running.clock);
    const first = await running.client.withToken('/one', tokens.issue({ roles: ['teller'] }));
    expect(first.body).toMatchObject({ balance: 'balance-value' });
    expect((await running.client.get('/one')).text).not.toMatch(RESTRICTED);
    await running.close();
  });
});
