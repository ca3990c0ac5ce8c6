import {
  Controller,
  Get,
  HttpException,
  Injectable,
  Req,
  ServiceUnavailableException,
  type Provider,
  type Type,
} from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet } from 'jose';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { Strategy } from 'passport';
import {
  Authenticated,
  ConcurrencyLimit,
  Lockout,
  OptionalAuth,
  Policy,
  Public,
  Scheduler,
  SecurityEvents,
  SecurityModule,
  type AccessAnswer,
  type HttpRequest,
  type JwtKeyProvider,
  type SecurityEvent,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import type { HttpAnswer } from '../support/http-client.js';
import { LogBook } from '../support/log-book.js';
import { FakeScheduler } from '../support/scheduler.js';
import { securityWith } from '../support/security.js';
import { AUDIENCE, ISSUER, signingKey, TokenIssuer } from '../support/tokens.js';
import { until } from '../support/waiting.js';

const key = signingKey('ES256', 'current');
const CANARY = 'canary-b71c';
const fails = (message = 'the directory is away'): never => {
  throw new Error(message);
};
const never = () => new Promise<never>(() => undefined);

let answerOfPolicy: () => unknown = () => true;
let actOfStrategy: (actions: Actions) => unknown = (actions) => actions.success({ id: 'carol' });

interface Actions {
  success(user?: unknown): void;
  fail(challenge?: unknown, status?: number): void;
  pass(): void;
  error(error?: unknown): void;
}

@Injectable()
class Scripted extends PassportStrategy(Strategy, 'scripted') {
  override authenticate(): void {
    return actOfStrategy(this as unknown as Actions) as void;
  }

  validate(): void {}
}

const asked = () => answerOfPolicy() as AccessAnswer;

@Controller()
class Routes {
  @Get('mine')
  @Authenticated('jwt')
  mine() {
    return { served: true };
  }

  @Get('either')
  @Authenticated('jwt', 'scripted')
  either() {
    return { served: true };
  }

  @Get('optional')
  @OptionalAuth('jwt')
  optional() {
    return { served: true };
  }

  @Get('scripted')
  @Authenticated('scripted')
  scripted() {
    return { served: true };
  }

  @Get('open')
  @Public()
  open() {
    return { served: true };
  }

  @Get('judged')
  @Authenticated('jwt')
  @Policy(asked)
  judged() {
    return { served: true };
  }
}

@Controller('few')
@Public()
class FewAtOnce {
  @Get()
  @ConcurrencyLimit('all')
  few() {
    return { served: true };
  }
}

@Controller('sign-in')
@Public()
class SignIn {
  static verified = 0;

  constructor(private readonly lockout: Lockout) {}

  @Get()
  async signIn(@Req() request: HttpRequest) {
    await this.lockout.attempt(String(request.headers['x-key']), request, () => ++SignIn.verified);
    return { served: true };
  }
}

interface Victim {
  readonly running: RunningApplication;
  readonly log: LogBook;
  readonly events: SecurityEvent[];
  readonly scheduler: FakeScheduler;
  get(path: string, headers?: Record<string, string>): Promise<HttpAnswer>;
  withToken(path: string, claims?: object, header?: object): Promise<HttpAnswer>;
}

let running: RunningApplication | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
  answerOfPolicy = () => true;
  actOfStrategy = (actions) => actions.success({ id: 'carol' });
});

async function start(
  adapter: AdapterName,
  options: SecurityOptions,
  providers: Provider[] = [],
  controllers: Type[] = [Routes],
): Promise<Victim> {
  const log = new LogBook();
  const events: SecurityEvent[] = [];
  const scheduler = new FakeScheduler();
  running = await startApplication(
    adapter,
    {
      imports: [SecurityModule.forRoot(securityWith(key, options))],
      controllers,
      providers: [Scripted, ...providers],
    },
    { logger: log, customize: (builder) => builder.overrideProvider(Scheduler).useValue(scheduler) },
  );
  const { app, client, clock } = running;
  app.get(SecurityEvents).subscribe((event) => events.push(event));
  log.lines.splice(0);
  const tokens = new TokenIssuer(key, clock);
  return {
    running,
    log,
    events,
    scheduler,
    get: (path, headers) => client.get(path, headers),
    withToken: (path, claims, header) => client.withToken(path, tokens.issue(claims, header)),
  };
}

const providedBy = (provide: unknown, algorithms: readonly string[] = ['ES256']): SecurityOptions => ({
  authentication: {
    jwt: { issuer: ISSUER, audience: AUDIENCE, algorithms: algorithms as ['ES256'], key: provide as JwtKeyProvider },
  },
});

/** The answer blames the server: no challenge, which would send the caller away for other credentials. */
function expectServerError(answer: HttpAnswer, code = 'authentication_failed'): void {
  expect(answer.status).toBe(500);
  expect(answer.headers['www-authenticate']).toBeUndefined();
  expect(answer.body).toEqual({ statusCode: 500, error: 'Internal Server Error', message: expect.any(String), code });
}

const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
const jwk = key.publicKey.export({ format: 'jwk' });

const BROKEN_PROVIDERS: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['throws', () => fails(), /threw an error.*the directory is away/s],
  ['throws what is no Error', () => Promise.reject(undefined), /threw an error/],
  ['rejects', () => Promise.reject(new Error('the directory is away')), /threw an error.*the directory is away/s],
  ['throws an exception of Nest', () => { throw new ServiceUnavailableException(); }, /threw an error/], // prettier-ignore
  ['gives a number', () => 42, /a number, not a key/],
  ['gives an empty object', async () => ({}), /no "kty"/],
  ['gives true', () => true, /a boolean, not a key/],
  ['gives a list', () => [jwk], /not a key/],
  ['gives a set of keys', async () => ({ keys: [jwk] }), /kty/],
  ['gives text that is no key', () => 'no key', /is text and no PEM/],
  ['gives the text undefined', () => 'undefined', /a variable that is not set/],
  ['gives an address', () => 'https://id.example/jwks.json', /createRemoteJWKSet/],
  ['gives a shared secret', async () => randomBytes(64), /fits none of the algorithms \(ES256\)/],
  ['gives a secret that is too short', () => randomBytes(8), /shorter than 32 bytes/],
  ['gives a weak key', () => weak, /below 2048 bits/],
  ['gives a key of another algorithm', () => signingKey('RS256').publicKey, /fits none of the algorithms \(ES256\)/],
  ['gives a key for encryption', () => ({ ...jwk, use: 'enc' }), /"use" other than "sig"/],
];

describe.each(ADAPTERS)('On %s', (adapter) => {
  describe('A key provider', () => {
    it.each(BROKEN_PROVIDERS)(
      'that %s is an error of the server, published and logged once',
      async (_, provide, line) => {
        const { withToken, events, log } = await start(adapter, providedBy(provide));
        for (let i = 0; i < 3; i++) expectServerError(await withToken('/mine'));
        expect(events).toMatchObject(
          [1, 2, 3].map(() => ({
            type: 'decision',
            allowed: false,
            reason: 'authentication_failed',
            route: 'Routes.mine',
          })),
        );
        const lines = log.matching(/authentication\.jwt\.key/);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toContain(ISSUER);
        expect(lines[0]).toMatch(line);
      },
    );

    it('that breaks ends the request where other schemes follow, and where credentials are optional', async () => {
      const { withToken, get } = await start(
        adapter,
        providedBy(() => fails()),
      );
      expectServerError(await withToken('/either'));
      expectServerError(await withToken('/optional'));
      expect((await get('/optional')).status).toBe(200);
      expect((await get('/open')).status).toBe(200);
      expect((await get('/mine')).headers['www-authenticate']).toBe('Bearer');
    });

    it('that knows no key of that name, or one of another algorithm, leaves the fault with the client', async () => {
      const rsa = signingKey('RS256');
      const { withToken, log } = await start(
        adapter,
        providedBy(({ kid }: { kid?: string }) => (kid === 'rsa' ? rsa.publicKey : undefined), ['ES256', 'RS256']),
      );
      for (const kid of ['unknown', 'rsa']) {
        const answer = await withToken('/mine', {}, { kid });
        expect(answer.status).toBe(401);
        expect(answer.body['code']).toBe('token_key_unknown');
        expect(answer.headers['www-authenticate']).toContain('invalid_token');
      }
      expect(log.matching(/threw|answered with/)).toEqual([]);
    });

    it('that fails is asked anew by the next request, and nothing of the failure is remembered', async () => {
      let isAway = true;
      let calls = 0;
      const { withToken, running: application } = await start(
        adapter,
        providedBy(async () => {
          calls += 1;
          return isAway ? fails() : key.publicKey;
        }),
      );
      for (const path of ['/mine', '/mine', '/either']) expectServerError(await withToken(path));
      expect(calls).toBe(3);
      isAway = false;
      const token = new TokenIssuer(key, application.clock).issue();
      expect((await application.client.withToken('/mine', token)).status).toBe(200);
      expect(calls).toBe(4);
      // A token that was verified before needs no key.
      isAway = true;
      expect((await application.client.withToken('/mine', token)).status).toBe(200);
    });

    it('that never answers is waited for as long as authentication.timeout says', async () => {
      const options = providedBy(never);
      const { withToken, scheduler, log } = await start(adapter, {
        authentication: { ...options.authentication, timeout: 2 },
      });
      const answer = withToken('/mine');
      await until(() => scheduler.pending > 0);
      scheduler.advance(2_500);
      expectServerError(await answer);
      expect(log.text).toContain('did not answer within 2 seconds');
    });

    it('is waited for ten seconds where nothing is said', async () => {
      const { withToken, scheduler } = await start(adapter, providedBy(never));
      const answer = withToken('/mine');
      await until(() => scheduler.pending > 0);
      scheduler.advance(12_500);
      expectServerError(await answer);
    });

    it('shows neither the kid, nor the token, nor a secret of its own in the log, the answer or an event', async () => {
      const { withToken, events, log } = await start(
        adapter,
        providedBy(({ kid }: { kid: string }) =>
          fails(
            `no key ${kid}\nFAKE LINE at postgres://admin:${CANARY}@db password=${CANARY} ` +
              `Bearer ${CANARY}.aaaaaaaaaaaa.bbbbbbbb -----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----`,
          ),
        ),
      );
      const answer = await withToken('/mine', { sub: CANARY }, { kid: `kid-${CANARY}` });
      expectServerError(answer);
      expect(log.matching(/authentication\.jwt\.key/)).toHaveLength(1);
      for (const text of [log.text, answer.text, JSON.stringify(answer.headers), JSON.stringify(events)]) {
        expect(text).not.toContain(CANARY);
      }
      expect(log.text).not.toMatch(/\nFAKE LINE/);
    });

    it('is logged again after a minute, with how often it failed meanwhile', async () => {
      const { withToken, log, running: { clock } } = await start(adapter, providedBy(() => fails())); // prettier-ignore
      for (let i = 0; i < 5; i++) await withToken('/mine');
      clock.advance(61);
      await withToken('/mine');
      expect(log.matching(/authentication\.jwt\.key/)).toHaveLength(2);
      expect(log.lines.at(-1)).toContain('4 more times');
    });

    it("may be a remote key set of jose, whose server's failure is not the client's", async () => {
      let isAway = false;
      const provider = await serve(() => (isAway ? undefined : { keys: [{ ...jwk, kid: 'current', alg: 'ES256' }] }));
      try {
        const keys = () => createRemoteJWKSet(new URL(provider.url), { cooldownDuration: 0, cacheMaxAge: 0 });
        const { withToken } = await start(adapter, providedBy(keys()));
        expect((await withToken('/mine')).status).toBe(200);
        const unknown = await withToken('/mine', { sub: 'bob' }, { kid: 'another' });
        expect([unknown.status, unknown.body['code']]).toEqual([401, 'token_key_unknown']);
        isAway = true;
        expectServerError(await withToken('/mine', { sub: 'eve' }));
      } finally {
        await provider.close();
      }
    });
  });

  describe('authentication.principal', () => {
    const BROKEN: readonly (readonly [string, () => unknown, RegExp])[] = [
      ['throws', () => fails(), /threw an error.*the directory is away/s],
      ['rejects', () => Promise.reject(new Error('the directory is away')), /threw an error.*the directory is away/s],
      ['answers with text', () => 'alice', /a string, not with a principal/],
      ['answers with true', async () => true, /a boolean, not with a principal/],
      ['answers with a number', () => 7, /a number, not with a principal/],
      ['answers with a list', () => [{ id: 'alice' }], /a list, not with a principal/],
    ];

    it.each(BROKEN)('that %s is an error of the server, published and logged once', async (_, principal, line) => {
      const { withToken, events, log } = await start(adapter, { authentication: { principal: principal as never } });
      for (let i = 0; i < 3; i++) expectServerError(await withToken('/mine'));
      expect(events.map((event) => event.type === 'decision' && event.reason)).toEqual(
        [1, 2, 3].map(() => 'authentication_failed'),
      );
      const lines = log.matching(/authentication\.principal/);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
    });

    it('that never answers is not waited for for ever', async () => {
      const { withToken, scheduler, log } = await start(adapter, { authentication: { principal: never, timeout: 1 } });
      const answer = withToken('/mine');
      await until(() => scheduler.pending > 0);
      scheduler.advance(1_250);
      expectServerError(await answer);
      expect(log.text).toContain('authentication.principal did not answer within 1 seconds');
    });

    it('may refuse by answering with nobody, and choose an answer by an exception', async () => {
      let answer: () => undefined = () => undefined;
      const { withToken } = await start(adapter, { authentication: { principal: () => answer() } });
      expect((await withToken('/mine')).body['code']).toBe('principal_refused');
      answer = () => {
        throw new HttpException('Come back later', 503);
      };
      expect((await withToken('/mine')).status).toBe(503);
    });

    it('repeats no claim in the log', async () => {
      const { withToken, log } = await start(adapter, {
        authentication: { principal: ({ email }) => fails(`no account for ${String(email)}`) },
      });
      await withToken('/mine', { email: `${CANARY}@example.com` });
      expect(log.text).toContain('no account for');
      expect(log.text).not.toContain(CANARY);
    });
  });

  describe('A function in authentication.jwt.from', () => {
    it.each<[string, () => unknown, RegExp]>([
      ['throws', () => fails(), /threw an error/],
      ['answers with a promise', async () => undefined, /answered with a promise/],
      ['answers with a promise that is rejected', () => Promise.reject(new Error('later')), /answered with a promise/],
    ])('that %s is an error of the server', async (_, from, line) => {
      const { get, log } = await start(adapter, {
        authentication: { jwt: { ...securityWith(key).authentication?.jwt, from: [from as () => string] } as never },
      });
      for (let i = 0; i < 2; i++) expectServerError(await get('/mine'));
      expect(log.matching(/authentication\.jwt\.from/)).toHaveLength(1);
      expect(log.text).toMatch(line);
    });
  });

  describe('A Passport strategy', () => {
    const OUTCOMES: readonly (readonly [string, (actions: Actions) => unknown, number, string, RegExp | undefined])[] = [
      ['calls error()', (act) => act.error(new Error('away')), 500, 'authentication_failed', /threw an error/],
      ['calls error() with nothing', (act) => act.error(), 500, 'authentication_failed', /threw an error/],
      ['throws', () => fails(), 500, 'authentication_failed', /the directory is away/],
      ['rejects', async () => fails(), 500, 'authentication_failed', /the directory is away/],
      ['fails with a status of the server', (act) => act.fail('x', 503), 500, 'authentication_failed', /status of the server/],
      ['succeeds with text', (act) => act.success('carol'), 500, 'authentication_failed', /a string, not with a user/],
      ['succeeds with true', (act) => act.success(true), 500, 'authentication_failed', /a boolean, not with a user/],
      ['fails', (act) => act.fail('Scripted realm="x"'), 401, 'credentials_invalid', undefined],
      ['passes', (act) => act.pass(), 401, 'principal_missing', undefined],
      ['succeeds with nobody', (act) => act.success(undefined), 401, 'principal_missing', undefined],
    ]; // prettier-ignore

    it.each(OUTCOMES)('that %s is told for what it is', async (_, act, status, code, line) => {
      const { get, events, log } = await start(adapter, {});
      actOfStrategy = act;
      for (let i = 0; i < 2; i++) {
        const answer = await get('/scripted', { authorization: 'Scripted x' });
        expect([answer.status, answer.body['code']]).toEqual([status, code]);
        expect(answer.headers['www-authenticate'] === undefined).toBe(status === 500);
      }
      expect(events).toMatchObject([{ reason: code }, { reason: code }]);
      const lines = log.matching(/The Passport strategy "scripted"/);
      expect(lines).toHaveLength(line === undefined ? 0 : 1);
      if (line !== undefined) expect(lines[0]).toMatch(line);
    });

    it('that calls none of its actions is not waited for for ever', async () => {
      const { get, scheduler, log } = await start(adapter, { authentication: { timeout: 3 } });
      actOfStrategy = () => undefined;
      const answer = get('/scripted', { authorization: 'Scripted x' });
      await until(() => scheduler.pending > 0);
      scheduler.advance(3_750);
      expectServerError(await answer);
      expect(log.text).toContain('The Passport strategy "scripted" did not answer within 3 seconds');
    });

    it.each<[string, () => unknown, RegExp]>([
      ['throws', () => fails(), /threw an error/],
      ['answers with a promise', () => Promise.reject(new Error('later')), /answered with a promise/],
    ])('whose `credentials` %s is an error of the server', async (_, credentials, line) => {
      actOfStrategy = (actions) => actions.fail();
      const { get, log } = await start(adapter, {
        authentication: { passport: [{ name: 'scripted', credentials: credentials as () => boolean }] },
      });
      expectServerError(await get('/scripted'));
      expect(log.text).toMatch(line);
    });
  });

  describe('A policy', () => {
    it.each<[string, () => unknown, string, RegExp]>([
      ['throws', () => fails(), 'policy_failed', /threw an error.*the directory is away/s],
      ['rejects', () => Promise.reject(new Error('the directory is away')), 'policy_failed', /threw an error/],
      ['answers with nothing', () => undefined, 'policy_denied', /answered with undefined/],
      ['answers with a number', async () => 1, 'policy_denied', /answered with a number/],
      ['answers with text', () => 'yes', 'policy_denied', /answered with a string/],
      ['answers with a principal', () => ({ id: 'alice' }), 'policy_denied', /answered with an object/],
    ])('that %s denies, and is logged once', async (_, policy, code, line) => {
      const { withToken, events, log } = await start(adapter, {});
      answerOfPolicy = policy;
      for (let i = 0; i < 3; i++) {
        const answer = await withToken('/judged');
        expect([answer.status, answer.body['code']]).toEqual([403, code]);
        // No scope would help where a policy broke.
        if (code === 'policy_failed') expect(answer.headers['www-authenticate']).toBeUndefined();
      }
      expect(events).toMatchObject([1, 2, 3].map(() => ({ reason: code, principalId: 'alice' })));
      const lines = log.matching(/A policy of Routes\.judged/);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
    });

    it('that denies for a reason is logged nowhere', async () => {
      const { withToken, log } = await start(adapter, {});
      for (const answer of [false, { allowed: false }, { allowed: false, reason: 'role_missing' }]) {
        answerOfPolicy = () => answer;
        expect((await withToken('/judged')).status).toBe(403);
      }
      expect(log.lines).toEqual([]);
    });

    it('that never answers denies when authorization.timeout is over', async () => {
      const { withToken, scheduler, log } = await start(adapter, { authorization: { timeout: 4 } });
      answerOfPolicy = never;
      const answer = withToken('/judged');
      await until(() => scheduler.pending > 0);
      scheduler.advance(5_000);
      expect((await answer).body['code']).toBe('policy_failed');
      expect(log.text).toContain('A policy of Routes.judged did not answer within 4 seconds');
    });
  });

  describe('A condition of bans', () => {
    const BROKEN = [
      ['throws', () => fails(`no reputation of ${CANARY}`), /threw an error/],
      ['answers with a promise', () => Promise.resolve(false), /answered with a promise/],
      ['answers with a promise that is rejected', () => Promise.reject(new Error('later')), /answered with a promise/],
      ['answers with text', () => 'no', /answered with a string/],
      ['answers with null', () => null, /answered with null/],
    ] as const;
    const PLACES: readonly (readonly [string, (condition: never) => SecurityOptions['bans']])[] = [
      ['bans.safelist', (safelist) => ({ safelist })],
      ['bans.blocklist', (blocklist) => ({ blocklist })],
      ['The rule "probes" of bans', (matches) => ({ rules: [{ name: 'probes', matches }] })],
      ['"odd" of bans.track', (matches) => ({ track: [{ name: 'odd', matches }] })],
    ];
    const TABLE = PLACES.flatMap(([where, bans]) => BROKEN.map((row) => [where, ...row, bans] as const));

    it.each(TABLE)(
      '(%s) that %s is an error of the server, published and logged once',
      async (where, _, condition, line, bans) => {
        const { get, events, log } = await start(adapter, { bans: bans(condition as never) });
        for (let i = 0; i < 3; i++) {
          const answer = await get('/open', { 'x-reputation': CANARY });
          expectServerError(answer, 'edge_failed');
          expect(answer.headers['x-content-type-options']).toBe('nosniff');
        }
        expect(events).toMatchObject(
          [1, 2, 3].map(() => ({ allowed: false, reason: 'edge_failed', transport: 'http' })),
        );
        const lines = log.matching(/ of bans|bans\./);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toContain(where);
        expect(lines[0]).toMatch(line);
        expect(log.text).not.toContain(CANARY);
      },
    );

    it.each(PLACES)('(%s) is only recorded where bans only record', async (where, bans) => {
      const condition = () => fails();
      const { get, events, log } = await start(adapter, {
        bans: { ...bans(condition as never), enforcement: 'report' },
      });
      expect((await get('/open')).status).toBe(200);
      expect(events).toMatchObject([{ reason: 'edge_failed', enforced: false }, { allowed: true }]);
      expect(log.text).toContain(where);
    });

    it('that breaks once a request is denied leaves the denial what it is, and counts nothing', async () => {
      let calls = 0;
      const { get, log } = await start(adapter, {
        bans: {
          safelist: (() => (++calls % 2 === 0 ? fails() : false)) as never,
          denials: { reasons: ['credentials_missing'], maxRetry: 1 },
        },
      });
      for (let i = 0; i < 3; i++) {
        const { status, body } = await get('/mine');
        expect([status, body['code']]).toEqual([401, 'credentials_missing']);
      }
      expect(calls).toBe(6);
      expect(log.matching(/bans\.safelist threw an error/)).toHaveLength(1);
    });
  });

  describe('A rule of the firewall', () => {
    it.each<[string, () => unknown, RegExp]>([
      ['throws', () => fails(`cannot read ${CANARY}`), /threw an error/],
      ['answers with a promise', () => Promise.reject(new Error('later')), /answered with a promise/],
      ['answers with a number', () => 1, /answered with a number/],
    ])('that %s accepts nothing, and is logged once', async (_, accept, line) => {
      const { get, events, log } = await start(adapter, {
        firewall: { parameters: { accept: accept as () => boolean } },
      });
      for (let i = 0; i < 3; i++) {
        expect((await get(`/open?name=${CANARY}`)).body['code']).toBe('parameter_malformed');
      }
      expect(events).toHaveLength(3);
      const lines = log.matching(/firewall\.parameters\.accept/);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
      expect(log.text).not.toContain(CANARY);
    });
  });

  describe('A function of a throttler', () => {
    const THROTTLER = { name: 'short', ttl: 60_000, limit: 1 };
    const of = (changes: object, common: object = {}) =>
      ({ rateLimit: { throttlers: [{ ...THROTTLER, ...changes }], ...common } }) as SecurityOptions;
    const BROKEN: readonly (readonly [string, SecurityOptions, RegExp])[] = [
      ['limit throws', of({ limit: () => fails() }), /The throttler "short": limit threw an error.*the directory is away/s],
      ['limit rejects', of({ limit: async () => fails() }), /"short": limit threw an error/],
      ['limit answers with text', of({ limit: () => 'many' }), /"short": limit is a string, not a number/],
      ['limit answers with nothing', of({ limit: () => undefined }), /"short": limit is undefined, not a number/],
      ['ttl throws', of({ ttl: () => fails() }), /"short": ttl threw an error/],
      ['ttl answers with NaN', of({ ttl: () => NaN }), /"short": ttl is below 0 or not finite/],
      ['blockDuration rejects', of({ blockDuration: async () => fails() }), /"short": blockDuration threw an error/],
      ['skipIf throws', of({ skipIf: () => fails() }), /"short": skipIf threw an error/],
      ['skipIf answers with a promise', of({ skipIf: () => Promise.reject(new Error('x')) }), /skipIf answered with a promise/],
      ['getTracker throws', of({}, { getTracker: () => fails() }), /"short": getTracker threw an error/],
      ['getTracker rejects', of({}, { getTracker: async () => fails() }), /"short": getTracker threw an error/],
      ['generateKey throws', of({}, { generateKey: () => fails() }), /"short": generateKey threw an error/],
      ['generateKey answers with a promise', of({}, { generateKey: () => Promise.resolve('k') }), /generateKey answered with a promise/],
    ]; // prettier-ignore

    it.each(BROKEN)('whose %s is an error of the server, published and logged once', async (_, options, line) => {
      const { get, events, log } = await start(adapter, options);
      for (let i = 0; i < 3; i++) expectServerError(await get('/open'), 'rate_limit_failed');
      expect(events).toMatchObject([1, 2, 3].map(() => ({ allowed: false, reason: 'rate_limit_failed' })));
      const lines = log.matching(/The throttler/);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
    });

    it('that never answers is not waited for for ever', async () => {
      const { get, scheduler, log } = await start(adapter, of({}, { getTracker: never }));
      const answer = get('/open');
      await until(() => scheduler.pending > 0);
      scheduler.advance(12_500);
      expectServerError(await answer, 'rate_limit_failed');
      expect(log.text).toContain('The throttler "short": getTracker did not answer within 10 seconds');
    });

    it('may choose an answer by an exception of Nest', async () => {
      const refuse = () => {
        throw new HttpException('Pay first', 402);
      };
      const { get, events, log } = await start(adapter, of({}, { getTracker: refuse }));
      expect((await get('/open')).status).toBe(402);
      expect(events).toMatchObject([{ allowed: false, reason: 'rate_limit_failed' }]);
      expect(log.matching(/The throttler/)).toEqual([]);
    });

    it('repeats nothing of the request in the log, and is only recorded under report', async () => {
      const getTracker = (request: { headers: Record<string, string> }) => fails(`no key ${request.headers['x-key']}`);
      const { get, log, events } = await start(adapter, of({}, { getTracker, enforcement: 'report' }));
      expect((await get('/open', { 'x-key': CANARY })).status).toBe(200);
      expect(events).toMatchObject([{ reason: 'rate_limit_failed', enforced: false }, { allowed: true }]);
      expect(log.text).toContain('no key');
      expect(log.text).not.toContain(CANARY);
    });

    it.each<[string, () => unknown, RegExp]>([
      ['throws', () => fails(), /threw an error/],
      ['rejects', async () => fails(), /threw an error/],
      ['answers with an object', () => ({}), /an object, not with text/],
    ])('whose errorMessage %s leaves a denial what it is', async (_, errorMessage, line) => {
      const { get, events, log } = await start(adapter, of({}, { errorMessage }));
      expect((await get('/open')).status).toBe(200);
      for (let i = 0; i < 2; i++) {
        const answer = await get('/open');
        expect([answer.status, answer.body['code']]).toEqual([429, 'rate_limited']);
        expect(answer.body['message']).toBe('Too many requests');
      }
      expect(events.filter((event) => event.type === 'decision' && event.reason === 'rate_limited')).toHaveLength(2);
      const lines = log.matching(/rateLimit\.errorMessage/);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
    });
  });

  describe('A function of a limit', () => {
    const of = (settings: object): SecurityOptions => ({
      rateLimit: { limits: { all: { limit: '2/minute', ...settings } }, global: ['all'] } as never,
    });
    const BROKEN: readonly (readonly [string, object, RegExp])[] = [
      ['by throws', { by: () => fails() }, /The rate limit "all": by threw an error.*the directory is away/s],
      ['by answers with a promise', { by: () => Promise.reject(new Error('x')) }, /"all": by answered with a promise/],
      ['cost throws', { by: 'ip', cost: () => fails() }, /"all": cost threw an error/],
      ['cost answers with text', { by: 'ip', cost: () => '7' }, /"all": cost answered with a string, not with a whole/],
      ['cost answers with less than 0', { by: 'ip', cost: () => -1 }, /"all": cost answered with a number, not with a whole/],
      ['cost answers with a promise', { by: 'ip', cost: () => Promise.resolve(9) }, /"all": cost answered with a promise/],
      ['plan throws', { by: 'ip', plans: { pro: '9/minute' }, plan: () => fails() }, /"all": plan threw an error/],
      ['plan answers with a number', { by: 'ip', plans: { 7: '9/minute' }, plan: () => 7 }, /plan answered with a number/],
    ]; // prettier-ignore

    it.each(BROKEN)(
      'whose %s has the limit itself counted by address, and is logged once',
      async (_, settings, line) => {
        const { get, log } = await start(adapter, of(settings));
        const statuses: number[] = [];
        for (let i = 0; i < 4; i++) statuses.push((await get('/open')).status);
        expect(statuses).toEqual([200, 200, 429, 429]);
        const lines = log.matching(/The rate limit "all"/);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(line);
      },
    );

    it.each<[string, (key: string) => unknown, RegExp]>([
      ['throws', (text) => fails(`no such key: ${text}`), /normalize threw an error/],
      ['answers with nothing', () => undefined, /normalize answered with undefined, not with text/],
      ['answers with a promise', () => Promise.reject(new Error('x')), /normalize answered with a promise/],
    ])('whose normalize %s is an error of the server', async (_, normalize, line) => {
      const by = ({ request }: { request: { headers: Record<string, string> } }) => request.headers['x-key'];
      const concurrency = { limits: { all: { max: 1, by, normalize } } };
      for (const [where, rateLimit] of [
        [/The rate limit "all"/, { limits: { all: { limit: '9/minute', by, normalize } }, global: ['all'] }],
        [/The concurrency limit "all"/, { concurrency }],
      ] as const) {
        const isConcurrency = 'concurrency' in rateLimit;
        const { get, events, log } = await start(
          adapter,
          { rateLimit: rateLimit as never },
          [],
          [isConcurrency ? FewAtOnce : Routes],
        );
        const path = isConcurrency ? '/few' : '/open';
        for (let i = 0; i < 2; i++) expectServerError(await get(path, { 'x-key': CANARY }), 'rate_limit_failed');
        expect(
          events.filter((event) => event.type === 'decision' && event.reason === 'rate_limit_failed'),
        ).toHaveLength(2);
        const lines = log.matching(where);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(line);
        expect(log.text).not.toContain(CANARY);
        await running?.close();
      }
      running = undefined;
    });

    it.each<[string, () => unknown, RegExp]>([
      ['throws', () => fails(), /countOn threw an error/],
      ['answers with text', () => 'no', /countOn answered with a string, not with true or false/],
      ['answers with a promise', () => Promise.reject(new Error('x')), /countOn answered with a promise/],
    ])('whose countOn %s counts every answer, and is logged once', async (_, countOn, line) => {
      const { get, log } = await start(adapter, of({ by: 'ip', countOn }));
      const statuses: number[] = [];
      for (let i = 0; i < 3; i++) statuses.push((await get('/open')).status);
      expect(statuses).toEqual([200, 200, 429]);
      const lines = log.matching(/The rate limit "all"/);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(line);
    });
  });

  describe('How Lockout spells identifiers', () => {
    const BROKEN: readonly (readonly [string, (text: string) => unknown, RegExp])[] = [
      ['throws', (text) => fails(`no such name: ${text}`), /lockout\.normalize threw an error/],
      ['answers with nothing', () => undefined, /lockout\.normalize answered with undefined, not with text/],
      ['answers with a promise', () => Promise.reject(new Error('x')), /lockout\.normalize answered with a promise/],
    ];
    const of = (normalize: unknown, more: object = {}): SecurityOptions => ({
      lockout: { normalize, ...more } as never,
    });

    it.each(BROKEN)(
      'that %s is an error of the server, published and logged once; nobody is asked',
      async (_, normalize, line) => {
        SignIn.verified = 0;
        const { get, events, log } = await start(adapter, of(normalize), [], [SignIn]);
        for (let i = 0; i < 3; i++) expectServerError(await get('/sign-in', { 'x-key': CANARY }), 'rate_limit_failed');
        expect(SignIn.verified).toBe(0);
        const denials = events.filter((event) => event.type === 'decision' && !event.allowed);
        expect(denials).toMatchObject([1, 2, 3].map(() => ({ reason: 'rate_limit_failed' })));
        const lines = log.matching(/lockout/);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(line);
        expect(log.text).not.toContain(CANARY);
      },
    );

    it('is only recorded where Lockout only records', async () => {
      SignIn.verified = 0;
      const report = of(() => fails(), { enforcement: 'report' });
      const { get, events, log } = await start(adapter, report, [], [SignIn]);
      expect((await get('/sign-in', { 'x-key': CANARY })).status).toBe(200);
      expect(SignIn.verified).toBe(1);
      expect(events).toContainEqual(expect.objectContaining({ reason: 'rate_limit_failed', enforced: false }));
      expect(log.matching(/lockout\.normalize/)).toHaveLength(1);
    });
  });

  describe('A resolver of origins', () => {
    it.each<[string, () => unknown, string]>([
      ['throws', () => fails(), 'threw'],
      ['rejects', () => Promise.reject(new Error('away')), 'threw'],
      ['answers with text', () => 'yes', 'not_boolean'],
      ['answers later with text', async () => 'yes', 'not_boolean'],
    ])('that %s allows no origin, and is logged once', async (_, resolve, failure) => {
      const { get, events, log } = await start(adapter, { cors: { origins: { resolve: resolve as () => boolean } } });
      for (let i = 0; i < 3; i++) {
        const answer = await get('/open', { origin: `https://${CANARY}${i}.example` });
        expect(answer.status).toBe(200);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
      expect(
        events.filter((event) => event.type === 'decision' && event.reason === 'cors_origin_refused'),
      ).toHaveLength(3);
      expect(log.matching(/A resolver of cors\.origins/)).toHaveLength(1);
      expect(log.text).toContain(failure);
      expect(log.text).not.toContain(CANARY);
    });
  });
});

/** A provider of identities that answers with a JWK Set, or not at all. */
async function serve(body: () => object | undefined): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((_request, response) => {
    const json = body();
    response.writeHead(json === undefined ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(json ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/jwks.json`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
