import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { Consumer, type RunningConsumer } from './consumer.js';
import { FRAMEWORK_OF_THE_CONSUMERS, OPTIONAL_PEERS } from './optional-peers.js';

export interface ConsumerSetup {
  /** The folder in consumers/. */
  readonly name: string;
  /** The code that imports the library, with an adapter that has no peers, and nothing else. */
  readonly importing: string;
  readonly algorithm: 'HS256' | 'ES256';
  /** What the issuer signs with. */
  readonly signingKey: string;
  /** The variables that hold what the application verifies with. */
  readonly env: Readonly<Record<string, string>>;
}

const MINUTES = 60_000;

/** The same checks for every kind of consumer: install, compile, start, call, refuse. */
export function describeConsumer({ name, importing, algorithm, signingKey, env }: ConsumerSetup): void {
  describe(`the packed library in ${name}`, () => {
    let consumer: Consumer;

    beforeAll(async () => {
      consumer = await Consumer.install(name);
    }, 5 * MINUTES);

    afterAll(() => consumer.remove());

    it('is installed without the optional peers', async () => {
      const installed = await consumer.installedPackages();
      expect(installed).toContain('@palisade/nest');
      expect(OPTIONAL_PEERS.filter((peer) => installed.has(peer))).toEqual([]);
    });

    it('loads neither an optional peer nor the HTTP framework when imported', async () => {
      const loaded = await consumer.packagesLoadedBy(importing);
      expect(loaded).toContain('@palisade/nest');
      expect([...OPTIONAL_PEERS, ...FRAMEWORK_OF_THE_CONSUMERS].filter((peer) => loaded.has(peer))).toEqual([]);
    });

    it(
      'compiles with the example of the page, and checks the types of all packages',
      async () => expect(await consumer.build()).toEqual({ status: 0, stdout: '', stderr: '' }),
      3 * MINUTES,
    );

    describe('started', () => {
      let app: RunningConsumer | undefined;

      beforeAll(async () => {
        app = await consumer.start(env);
      });

      afterAll(() => app?.stop());

      function request(path: string, init?: RequestInit): Promise<Response> {
        if (app === undefined) throw new Error('The application did not start');
        return app.request(path, init);
      }

      function bearer(roles: readonly string[], issuer = 'https://issuer.example'): Record<string, string> {
        const options = { algorithm, issuer, audience: 'shop', subject: 'alice', expiresIn: 300 } as const;
        return { authorization: `Bearer ${jwt.sign({ roles }, signingKey, options)}` };
      }

      function order(body: object): RequestInit {
        const headers = { ...bearer(['customer']), 'content-type': 'application/json' };
        return { method: 'POST', headers, body: JSON.stringify(body) };
      }

      it('prints no warning', () => {
        expect(app?.stderr).toBe('');
        expect(app?.stdout).not.toMatch(/\b(?:WARN|ERROR|FATAL)\b/);
      });

      it('answers a public route without credentials', async () => {
        const answer = await request('/status');
        expect([answer.status, await answer.json()]).toEqual([200, { status: 'open' }]);
      });

      it('challenges a caller without a token', async () => {
        const answer = await request('/me');
        expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
        expect(await answer.json()).toMatchObject({ statusCode: 401, code: 'credentials_missing' });
      });

      it(`admits a token signed with ${algorithm}`, async () => {
        const answer = await request('/me', { headers: bearer(['customer']) });
        expect([answer.status, await answer.json()]).toEqual([200, { id: 'alice', roles: ['customer'] }]);
      });

      it('refuses the token of another issuer', async () => {
        const answer = await request('/me', { headers: bearer(['customer'], 'https://elsewhere.example') });
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/);
      });

      it('forbids what the role does not allow', async () => {
        const answer = await request('/report', { headers: bearer(['customer']) });
        expect([answer.status, await answer.json()]).toEqual([403, expect.objectContaining({ code: 'role_missing' })]);
      });

      it('allows it to a role further up the hierarchy', async () => {
        const answer = await request('/orders', {
          ...order({ item: 'tea', quantity: 1 }),
          headers: { ...bearer(['admin']), 'content-type': 'application/json' },
        });
        expect([answer.status, await answer.json()]).toEqual([201, { item: 'tea', quantity: 1 }]);
      });

      it('refuses a property that the body must not have', async () => {
        const answer = await request('/orders', order({ item: 'tea', quantity: 1, price: 0 }));
        expect([answer.status, await answer.json()]).toEqual([
          400,
          expect.objectContaining({ code: 'validation_failed' }),
        ]);
      });

      it('refuses a value of the wrong type', async () => {
        const answer = await request('/orders', order({ item: 'tea', quantity: 'many' }));
        expect([answer.status, await answer.json()]).toEqual([
          400,
          expect.objectContaining({ code: 'validation_failed' }),
        ]);
      });

      it('does not start with rules that contradict each other, and names the handler', async () => {
        const { status, stdout, stderr } = await consumer.startInVain({ ...env, CONTRADICTORY: '1' });
        expect(status).not.toBe(0);
        expect(stdout).not.toContain('Listening');
        expect(stdout + stderr).toContain('SecurityConfigurationError');
        expect(stdout + stderr).toContain('ContradictoryController.both');
      });

      it('does not start beside a peer in a version that it is not written for, and says what to install', async () => {
        const restore = await consumer.pretend('@nestjs/throttler', '5.2.0');
        const { status, stdout, stderr } = await consumer.startInVain(env).finally(restore);
        expect(status).not.toBe(0);
        expect(stdout).not.toContain('Listening');
        expect(stdout + stderr).toContain('@nestjs/throttler: is installed in version 5.2.0');
        expect(stdout + stderr).toContain('Run: npm install @nestjs/throttler@"^6.0.0"');
      });
    });
  });
}
