import { Controller, Get, Post } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  BodyLimit,
  ContentTypes,
  Cors,
  Public,
  SecurityConfigurationError,
  SecurityModule,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, startFailure } from '../support/application.js';

type Problem = Pick<SecurityConfigurationError['problems'][number], 'problem' | 'fix'>;

/** How an option that takes values of a notion is given one, and what is then wrong with it. */
type Place = (value: never) => Promise<Problem | undefined>;

const inOptions =
  <T>(make: (value: T) => SecurityOptions): ((value: T) => Promise<Problem | undefined>) =>
  async (value) => {
    try {
      SecurityModule.forRoot(make(value));
    } catch (error) {
      return firstOf(error);
    }
    return undefined;
  };

const onRoute =
  <T>(decorate: (value: T) => MethodDecorator): ((value: T) => Promise<Problem | undefined>) =>
  async (value) => {
    @Controller()
    @Public()
    class Routes {
      @Post()
      act() {
        return {};
      }
    }
    const { prototype } = Routes;
    decorate(value)(prototype, 'act', Object.getOwnPropertyDescriptor(prototype, 'act') as PropertyDescriptor);
    const metadata = { imports: [SecurityModule.forRoot({})], controllers: [Routes] };
    try {
      return firstOf(await startFailure(metadata));
    } catch (error) {
      if (error instanceof Error && error.message === 'The application started') return undefined;
      throw error;
    }
  };

function firstOf(error: unknown): Problem {
  if (!(error instanceof SecurityConfigurationError)) throw error;
  const { problem, fix } = error.problems[0] as Problem;
  return { problem, fix };
}

interface Notion {
  readonly name: string;
  readonly places: Readonly<Record<string, Place>>;
  readonly accepted: readonly unknown[];
  readonly refused: readonly unknown[];
}

const matches = () => false;

const NOTIONS: readonly Notion[] = [
  {
    name: 'an origin',
    places: {
      'cors.origins': inOptions((origin: string) => ({ cors: { origins: [origin] } })),
      'cors.origins.always': inOptions((origin: string) => ({
        cors: { origins: { resolve: matches, always: [origin] } },
      })),
      'csrf.trustedOrigins': inOptions((origin: string) => ({ csrf: { trustedOrigins: [origin] } })),
      '@Cors': onRoute((origin: string) => Cors({ origins: [origin] })),
    },
    accepted: [
      'https://app.example.com',
      'http://localhost:5173',
      'https://[::1]:8443',
      'http://127.0.0.1',
      'https://xn--exmple-cua.com',
      'capacitor://localhost',
      'ionic://localhost',
      'tauri://localhost',
      'app://my-app',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
      'moz-extension://4f0a1c2e-0000-4000-8000-000000000000',
    ],
    refused: [
      'null',
      'NULL',
      '',
      'example.com',
      '//example.com',
      'https://',
      'https://example.com/',
      'https://example.com/path',
      'https://example.com?',
      'https://example.com:443',
      'http://example.com:80',
      'https://EXAMPLE.com',
      'HTTPS://example.com',
      'Capacitor://localhost',
      'capacitor://',
      'capacitor://localhost/',
      'https://ex\u00e4mple.com',
      'https://user@example.com',
      ' https://example.com',
      'https://example.com\u00a0',
      'https://a.example,https://b.example',
      'https://0x7f.1',
      'ftp://example.com',
      'wss://example.com',
      'file:///etc',
      'blob:https://example.com',
      'data:text/html,x',
      7,
      null,
      {},
    ],
  },
  {
    name: 'a size',
    places: {
      'firewall.bodyLimit': inOptions((bodyLimit: string) => ({ firewall: { bodyLimit } })),
      '@BodyLimit': onRoute((size: string) => BodyLimit(size)),
    },
    accepted: [0, 1, 512, '512b', '100kb', '100 KB', '1.5mb', '1gb'],
    refused: [
      '',
      'big',
      '12 apples',
      '-1kb',
      -1,
      1.5,
      Number.NaN,
      Infinity,
      '1e3',
      '1tb',
      '\u00a01kb',
      '1kb\n',
      {},
      [],
    ],
  },
  {
    name: 'media types',
    places: {
      'firewall.contentTypes': inOptions((contentTypes: string[]) => ({ firewall: { contentTypes } })),
      '@ContentTypes': onRoute((types: string[]) => ContentTypes(...types)),
    },
    accepted: [['application/json'], ['image/*'], ['application/*+json'], ['Application/JSON', 'text/csv']],
    refused: [['*/*'], ['json'], ['application/json; charset=utf-8'], ['application/json\u00a0'], [''], [7], []],
  },
  {
    name: 'a range of addresses',
    places: {
      'proxy.trust': inOptions((range: string) => ({ proxy: { trust: [range] } })),
      'bans.safelist': inOptions((range: string) => ({ bans: { safelist: [range] } })),
      'bans.blocklist': inOptions((range: string) => ({ bans: { blocklist: [range] } })),
    },
    accepted: ['10.0.0.1', '10.0.0.0/8', 'fd00::/8', '2001:db8::1', 'loopback', 'linklocal', 'uniquelocal'],
    refused: [
      '',
      'example.com',
      '10.0.0.1/8',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '010.0.0.1',
      '10.1',
      '[::1]',
      'fe80::1%eth0',
      ' 10.0.0.1',
      '10.0.0.1\u00a0',
      'Loopback',
      '10.0.0.0/8/8',
      7,
      null,
    ],
  },
  {
    name: 'a duration',
    places: {
      'bans.duration': inOptions((duration: string) => ({ bans: { duration } })),
      'bans.denials.banTime': inOptions((banTime: string) => ({
        bans: { denials: { reasons: ['credentials_invalid'], banTime } },
      })),
      'bans.rules.findTime': inOptions((findTime: string) => ({ bans: { rules: [{ name: 'a', matches, findTime }] } })),
      'lockout.duration': inOptions((duration: string) => ({ lockout: { duration } }) as SecurityOptions),
      'lockout.window': inOptions((window: string) => ({ lockout: { window } }) as SecurityOptions),
      'rateLimit.limits.block': inOptions((block: string) => ({
        rateLimit: { limits: { login: { limit: '5/minute', block } } },
      })),
    },
    accepted: [1000, '1m', '1 minute', '15 minutes', 'hour', '30s', '500ms'],
    refused: [
      '',
      'soon',
      0,
      -1,
      1.5,
      Number.NaN,
      '1 fortnight',
      '1.5 hours',
      ' 1 hour',
      '1 hour\u00a0',
      '400 days',
      {},
    ],
  },
];

describe.each(NOTIONS)('The spelling of $name', ({ places, accepted, refused }) => {
  it.each(accepted.map((value) => [value]))('is accepted everywhere: %p', async (value) => {
    for (const [place, problemWith] of Object.entries(places)) {
      expect([place, await problemWith(value as never)]).toEqual([place, undefined]);
    }
  });

  it.each(refused.map((value) => [value]))(
    'is refused everywhere, for one reason and with one fix: %p',
    async (value) => {
      const found = new Map<string, Problem | undefined>();
      for (const [place, problemWith] of Object.entries(places)) found.set(place, await problemWith(value as never));
      const [first] = found.values();
      expect(first).toBeDefined();
      for (const [place, problem] of found) {
        expect([place, withoutPlace(problem?.problem), withoutPlace(problem?.fix)]).toEqual([
          place,
          withoutPlace(first?.problem),
          withoutPlace(first?.fix),
        ]);
      }
    },
  );
});

/** A list says which of its values is meant, a decorator its name; an empty text may come from the environment. */
function withoutPlace(text: string | undefined): string | undefined {
  return text
    ?.replace(/ \(number \d+ of the list\).*$/, '')
    .replace(/^@\w+ (?:= )?/, '')
    .replace(/^is empty: it /, '')
    .replace(/\. If it is read from the environment.*$/, '');
}

describe.each(ADAPTERS)('An origin of an application on %s', (adapter) => {
  it('may read and act where it is listed for both', async () => {
    @Controller()
    class Routes {
      @Get()
      @Public()
      read() {
        return {};
      }

      @Post()
      @Public()
      act() {
        return { done: true };
      }
    }
    const origin = 'capacitor://localhost';
    const running = await startApplication(adapter, {
      imports: [
        SecurityModule.forRoot({ cors: { origins: [origin] }, csrf: { apply: 'always', trustedOrigins: [origin] } }),
      ],
      controllers: [Routes],
    });
    try {
      const answer = await running.client.get('/', { origin });
      expect(answer.headers['access-control-allow-origin']).toBe(origin);
      const fields = { 'sec-fetch-site': 'cross-site', 'content-length': '0' };
      const act = (from: string) => running.client.call('/', { method: 'POST', headers: { ...fields, origin: from } });
      expect((await act(origin)).status).toBe(201);
      expect((await act('capacitor://elsewhere')).body['code']).toBe('csrf_cross_origin');
    } finally {
      await running.close();
    }
  });
});
