import { Body, Controller, HttpCode, HttpException, Post, Req, UnauthorizedException } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Lockout,
  LockoutException,
  Public,
  SecurityModule,
  type HttpRequest,
  type LockoutEvent,
  type LockoutOptions,
  type LoginAttempt,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS } from '../support/application.js';
import { startEdge, type Answer, type EdgeApplication } from './edge.harness.js';

/** Accounts and what opens them; whoever is not here does not exist. */
const PASSWORDS: Readonly<Record<string, string>> = { 'alice@bank.example': 'correct horse', bob: 'battery staple' };

const HOME = '192.0.2.1';
const ELSEWHERE = '198.51.100.7';

@Controller()
@Public()
class SignInController {
  static asked = 0;

  constructor(private readonly lockout: Lockout) {}

  @Post('login')
  @HttpCode(200)
  async login(@Body() { email, password }: { email: string; password: string }, @Req() request: HttpRequest) {
    const user = await this.lockout.attempt(email, request, () => this.verify(email, password));
    if (user === undefined) throw new UnauthorizedException();
    return { user };
  }

  private async verify(email: string, password: string): Promise<string | undefined> {
    SignInController.asked++;
    if (password === 'outage') throw new HttpException('The database is away', 503);
    if (password === 'bug') throw new Error('A bug');
    const name = String(email).normalize('NFKC').trim().toLowerCase();
    return PASSWORDS[name] === password ? name : undefined;
  }
}

describe.each(ADAPTERS)('Lockout on %s', (adapter) => {
  let app: EdgeApplication;

  afterEach(() => app.close());

  async function start(lockout?: LockoutOptions, more: SecurityOptions = {}): Promise<EdgeApplication> {
    SignInController.asked = 0;
    app = await startEdge(adapter, { proxy: { trust: 1 }, lockout, ...more }, [SignInController]);
    return app;
  }

  function login(email: unknown, password: string, address = HOME): Promise<Answer> {
    return app.send('/login', { body: { email, password }, headers: { 'x-forwarded-for': address } });
  }

  async function fail(times: number, email: unknown = 'alice@bank.example', address = HOME): Promise<number[]> {
    const statuses: number[] = [];
    for (let i = 0; i < times; i++) statuses.push((await login(email, 'wrong', address)).status);
    return statuses;
  }

  /** Five from each of so many addresses. */
  async function failEverywhere(addresses: number, email = 'alice@bank.example'): Promise<number[]> {
    const statuses: number[] = [];
    for (let i = 0; i < addresses; i++) statuses.push(...(await fail(5, email, `203.0.113.${i}`)));
    return statuses;
  }

  const locks = () => app.events.filter((event) => event.type === 'lockout') as LockoutEvent[];

  it('is the fifth failure in a row by default, for a quarter of an hour, and the right password is no help', async () => {
    await start();
    expect(await fail(6)).toEqual([401, 401, 401, 401, 401, 429]);
    const answer = await login('alice@bank.example', 'correct horse');
    expect(answer.status).toBe(429);
    expect(answer.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many failed attempts',
      code: 'account_locked',
    });
    expect(answer.headers['retry-after']).toBe('900');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(SignInController.asked).toBe(5);
    app.clock.advance(899);
    expect((await login('alice@bank.example', 'correct horse')).headers['retry-after']).toBe('1');
    app.clock.advance(1);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
  });

  it('holds for one identifier from one address, and for nobody else', async () => {
    await start();
    await fail(5);
    expect((await login('alice@bank.example', 'correct horse', ELSEWHERE)).status).toBe(200);
    expect((await login('bob', 'battery staple')).status).toBe(200);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(429);
  });

  it('starts anew after it, with as many attempts as before', async () => {
    await start();
    await fail(5);
    app.clock.advance(900);
    expect(await fail(6)).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it('is forgotten with the window, and with a success from that address', async () => {
    await start();
    await fail(4);
    app.clock.advance(900);
    expect(await fail(4)).toEqual([401, 401, 401, 401]);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
    expect(await fail(4)).toEqual([401, 401, 401, 401]);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
  });

  it('takes one identifier for one, however it is typed', async () => {
    await start();
    const spellings = ['ALICE@bank.example', ' alice@bank.example ', 'ａlice@bank.example', 'Alice@Bank.Example'];
    for (const spelling of spellings) expect((await login(spelling, 'wrong')).status).toBe(401);
    expect((await login('alice@bank.example', 'wrong')).status).toBe(401);
    expect((await login('aLICE@bank.example', 'correct horse')).status).toBe(429);
  });

  it('takes what is one identifier from the application where it says so', async () => {
    await start({ normalize: (identifier) => identifier.split('@')[0] ?? '' });
    await fail(4);
    expect(await fail(2, 'alice@other.example')).toEqual([401, 429]);
  });

  it('is the same for an account that does not exist, to the letter', async () => {
    await start({}, { headers: false });
    const told = async (email: string) => {
      const answers: unknown[] = [];
      for (let i = 0; i < 7; i++) {
        const { status, text, names, headers } = await login(email, 'wrong');
        answers.push({ status, text, names, retry: headers['retry-after'] });
      }
      return answers;
    };
    expect(await told('nobody@bank.example')).toEqual(await told('alice@bank.example'));
  });

  it.each([undefined, null, 7, { $ne: 1 }, ['alice@bank.example'], ''])(
    'counts an identifier that is none as one: %j',
    async (email) => {
      await start({}, { validation: false });
      expect(await fail(6, email)).toEqual([401, 401, 401, 401, 401, 429]);
    },
  );

  it('has no more credentials looked at where attempts come at the same time', async () => {
    await start();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => login('alice@bank.example', 'wrong').then(({ status }) => status)),
    );
    expect(SignInController.asked).toBe(5);
    expect(answers.filter((status) => status === 401)).toHaveLength(5);
    expect(answers.filter((status) => status === 429)).toHaveLength(35);
  });

  it('does not lock who signs in several times at once', async () => {
    await start();
    const answers = await Promise.all(Array.from({ length: 5 }, () => login('bob', 'battery staple')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await login('bob', 'battery staple')).status).toBe(200);
    expect(locks()).toEqual([]);
  });

  it('does not count what is no fault of the caller, and counts every other error', async () => {
    await start();
    for (let i = 0; i < 10; i++) expect((await login('alice@bank.example', 'outage')).status).toBe(503);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await login('alice@bank.example', 'bug')).status).toBe(500);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(429);
  });

  describe('of an account from everywhere', () => {
    it('comes after twenty failures, from whatever addresses', async () => {
      await start({ address: false });
      expect(await failEverywhere(4)).toEqual(Array(20).fill(401));
      expect((await login('alice@bank.example', 'correct horse', ELSEWHERE)).status).toBe(429);
      expect((await login('bob', 'battery staple', ELSEWHERE)).status).toBe(200);
      app.clock.advance(900);
      expect((await login('alice@bank.example', 'correct horse', ELSEWHERE)).status).toBe(200);
    });

    it('does not hold where the account has signed in before', async () => {
      await start();
      expect((await login('alice@bank.example', 'correct horse', HOME)).status).toBe(200);
      app.clock.advance(20 * 86_400);
      await failEverywhere(4);
      expect((await login('alice@bank.example', 'correct horse', ELSEWHERE)).status).toBe(429);
      expect((await login('alice@bank.example', 'correct horse', HOME)).status).toBe(200);
      // By which it is known for another month.
      app.clock.advance(20 * 86_400);
      await failEverywhere(4);
      expect((await login('alice@bank.example', 'correct horse', HOME)).status).toBe(200);
    });

    it('holds everywhere once an address has not been used for a month', async () => {
      await start();
      await login('alice@bank.example', 'correct horse', HOME);
      app.clock.advance(31 * 86_400);
      await failEverywhere(4);
      expect((await login('alice@bank.example', 'correct horse', HOME)).status).toBe(429);
    });

    it('remembers ten addresses of an account, and no more', async () => {
      await start();
      for (let i = 1; i <= 12; i++) await login('alice@bank.example', 'correct horse', `192.0.2.${i}`);
      await failEverywhere(4);
      const statuses: number[] = [];
      for (let i = 1; i <= 12; i++) {
        statuses.push((await login('alice@bank.example', 'correct horse', `192.0.2.${i}`)).status);
      }
      expect(statuses).toEqual([...Array(10).fill(200), 429, 429]);
    });

    it('knows addresses of IPv6 by their subnet', async () => {
      await start();
      await login('alice@bank.example', 'correct horse', '2001:db8:0:1::a');
      await failEverywhere(4);
      expect((await login('alice@bank.example', 'correct horse', '2001:db8:0:1::b')).status).toBe(200);
      expect((await login('alice@bank.example', 'correct horse', '2001:db8:0:2::a')).status).toBe(429);
    });

    it('knows no address where that is switched off, and does not come where it is', async () => {
      await start({ familiar: false });
      await login('alice@bank.example', 'correct horse', HOME);
      await failEverywhere(4);
      expect((await login('alice@bank.example', 'correct horse', HOME)).status).toBe(429);
      await app.close();
      await start({ account: false });
      await failEverywhere(8);
      expect((await login('alice@bank.example', 'correct horse', ELSEWHERE)).status).toBe(200);
    });
  });

  describe('of an address for all accounts', () => {
    it('comes after twenty failures, for whatever accounts, and a success of another does not lift it', async () => {
      await start();
      for (let i = 0; i < 19; i++) expect((await login(`user${i}`, 'wrong')).status).toBe(401);
      expect((await login('bob', 'battery staple', ELSEWHERE)).status).toBe(200);
      expect((await login('user20', 'wrong')).status).toBe(401);
      expect((await login('user21', 'wrong')).status).toBe(429);
      expect((await login('bob', 'battery staple')).status).toBe(429);
      expect((await login('bob', 'battery staple', ELSEWHERE)).status).toBe(200);
    });

    it('leaves out who has signed in from there before', async () => {
      await start();
      await login('bob', 'battery staple');
      for (let i = 0; i < 20; i++) await login(`user${i}`, 'wrong');
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(429);
      expect((await login('bob', 'battery staple')).status).toBe(200);
      expect(await fail(6, 'bob')).toEqual([401, 401, 401, 401, 401, 429]);
    });

    it('is lifted by hand', async () => {
      await start();
      for (let i = 0; i < 20; i++) await login(`user${i}`, 'wrong');
      await app.app.get(Lockout).unlockAddress(HOME);
      expect((await login('bob', 'battery staple')).status).toBe(200);
    });
  });

  describe('is lifted by unlock', () => {
    it('from every address, and as often as it is needed', async () => {
      await start({ address: false });
      await fail(5);
      await failEverywhere(4);
      const lockout = app.app.get(Lockout);
      for (let round = 0; round < 3; round++) {
        expect((await login('alice@bank.example', 'wrong')).status).toBe(429);
        app.clock.advance(10);
        await lockout.unlock(' Alice@BANK.example');
        expect((await login('alice@bank.example', 'wrong')).status).toBe(401);
        expect((await login('alice@bank.example', 'wrong', '203.0.113.1')).status).toBe(401);
        app.clock.advance(10);
        expect(await fail(5)).toEqual([401, 401, 401, 401, 429]);
      }
    });

    it('and comes again for what failed after it', async () => {
      await start();
      await app.app.get(Lockout).unlock('alice@bank.example');
      app.clock.advance(1);
      expect(await fail(7)).toEqual([401, 401, 401, 401, 401, 429, 429]);
    });

    it('also at the very moment that it began', async () => {
      await start();
      await fail(5);
      await app.app.get(Lockout).unlock('alice@bank.example');
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
    });

    it('for nobody else', async () => {
      await start();
      await fail(5);
      await fail(5, 'bob');
      await app.app.get(Lockout).unlock('alice@bank.example');
      expect((await login('bob', 'battery staple')).status).toBe(429);
    });
  });

  describe('with a delay', () => {
    it('has whoever fails wait twice as long each time, and holds no connection', async () => {
      await start({ maxFailures: 10, delay: { after: 2, first: '1 second', longest: '5 seconds' } });
      expect(await fail(2)).toEqual([401, 401]);
      const waits: (string | undefined)[] = [];
      for (let i = 0; i < 5; i++) {
        const denied = await login('alice@bank.example', 'correct horse');
        expect([denied.status, denied.body['code']]).toEqual([429, 'account_locked']);
        waits.push(denied.headers['retry-after']);
        app.clock.advance(Number(denied.headers['retry-after']));
        expect((await login('alice@bank.example', 'wrong')).status).toBe(401);
      }
      expect(waits).toEqual(['1', '2', '4', '5', '5']);
      // From another address nobody waits.
      expect((await login('alice@bank.example', 'correct horse', ELSEWHERE)).status).toBe(200);
    });

    it('forgets it where the account was unlocked since, and not where the failure came after that', async () => {
      await start({ delay: { first: '10 minutes', longest: '10 minutes' } });
      await fail(1);
      app.clock.advance(1);
      await app.app.get(Lockout).unlock('alice@bank.example');
      app.clock.advance(1);
      expect((await login('alice@bank.example', 'wrong')).status).toBe(401);
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(429);
      app.clock.advance(600);
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
    });

    it('forgets it with a success', async () => {
      await start({ delay: {} });
      await fail(1);
      app.clock.advance(1);
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
      await fail(1);
      expect((await login('alice@bank.example', 'wrong')).headers['retry-after']).toBe('1');
    });
  });

  it('says in events who was locked, and where, and denies with a reason', async () => {
    await start({ maxFailures: 2, account: { maxFailures: 3, duration: '1 hour' } });
    await fail(2);
    await fail(2, 'alice@bank.example', ELSEWHERE);
    expect(locks()).toEqual([
      {
        type: 'lockout',
        time: app.clock.now(),
        action: 'locked',
        scope: 'pair',
        identifier: 'alice@bank.example',
        address: HOME,
        duration: 900_000,
      },
      expect.objectContaining({ scope: 'account', address: ELSEWHERE, duration: 3_600_000 }),
    ]);
    expect(app.takeDenials()).toMatchObject([{ reason: 'account_locked', address: ELSEWHERE, method: 'POST' }]);
    await app.app.get(Lockout).unlock('alice@bank.example');
    expect(locks()).toMatchObject([{ action: 'unlocked', identifier: 'alice@bank.example' }]);
    expect(JSON.stringify(app.events)).not.toContain('correct horse');
  });

  it('only records under report', async () => {
    await start({ enforcement: 'report', maxFailures: 2 });
    expect(await fail(5)).toEqual([401, 401, 401, 401, 401]);
    expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
    const denials = app.takeDenials();
    expect(denials).toHaveLength(4);
    expect(new Set(denials.map(({ enforced }) => enforced))).toEqual(new Set([false]));
  });

  it('leaves an attempt that never ends counted, and takes the first word on one that does', async () => {
    await start({ maxFailures: 2 });
    const lockout = app.app.get(Lockout);
    const request: HttpRequest = { headers: {}, socket: { remoteAddress: HOME } };
    await lockout.begin('carol', request);
    const second: LoginAttempt = await lockout.begin('carol', request);
    await expect(lockout.begin('carol', request)).rejects.toThrow(LockoutException);
    await second.abandon();
    await second.fail();
    const third = await lockout.begin('carol', request);
    await third.succeed();
    await (await lockout.begin('carol', request)).fail();
    await (await lockout.begin('carol', request)).fail();
    await expect(lockout.begin('carol', request)).rejects.toMatchObject({
      code: 'account_locked',
      retryAfter: 900_000,
    });
  });

  describe('where a shared store is away', () => {
    const away = () => Promise.reject(new Error('away'));
    const store = { consume: away, peek: away, refund: away, reset: away };

    it('refuses every attempt, and looks at no credentials', async () => {
      await start({}, { rateLimit: { store, onStoreError: 'closed' } });
      const answer = await login('alice@bank.example', 'correct horse');
      expect([answer.status, answer.body['code']]).toEqual([503, 'rate_limit_unavailable']);
      expect(answer.headers['retry-after']).toBe('1');
      expect(SignInController.asked).toBe(0);
    });

    it('stops no attempt under report', async () => {
      await start({ enforcement: 'report' }, { rateLimit: { store, onStoreError: 'closed' } });
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(200);
    });
  });

  describe('over a ThrottlerStorage, which only counts', () => {
    const storage = {
      increment: async () => ({ totalHits: 1, timeToExpire: 60, isBlocked: false, timeToBlockExpire: 0 }),
    };

    it.each([{ lockout: {} }, { bans: {} }])('stops the start: %j', async (options) => {
      await start();
      expect(() => SecurityModule.forRoot({ ...options, rateLimit: { storage } })).toThrow('which only counts');
    });

    it('looks at no credentials, where nothing was said of lockout', async () => {
      await start(undefined, { rateLimit: { storage } });
      expect((await login('alice@bank.example', 'correct horse')).status).toBe(500);
      expect(SignInController.asked).toBe(0);
    });
  });
});
