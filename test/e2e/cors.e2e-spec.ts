import {
  All,
  Body,
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Post,
  Put,
  VersioningType,
  Version,
  type INestApplication,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cors, Public, SecurityConfigurationError, SecurityModule, type CorsOptions } from '@palisade/nest';
import { IsString } from 'class-validator';
import { ADAPTERS, startFailure } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { startEdge, type EdgeApplication, type Sent } from './edge.harness.js';

const APP = 'https://app.example';
const PARTNER = 'https://partner.example';
const EVIL = 'https://evil.example';
const partnerOnly: CorsOptions = { origins: [PARTNER], methods: ['GET', 'PUT'], headers: ['X-Partner'] };

class NoteDto {
  @IsString()
  text!: string;
}

@Controller('notes')
class Notes {
  @Get()
  @Public()
  list() {
    return [];
  }

  @Post()
  @Public()
  create(@Body() _note: NoteDto) {
    return {};
  }

  @Get('mine')
  mine() {
    return {};
  }

  @Get('refuses')
  @Public()
  refuses() {
    throw new ForbiddenException();
  }

  @Get('limited')
  @Public()
  limited() {
    throw new HttpException('Too many', 429);
  }

  @Get('breaks')
  @Public()
  breaks() {
    throw new Error('broken');
  }

  @Get(':id/shared')
  @Public()
  @Cors(partnerOnly)
  shared() {
    return {};
  }

  @Put(':id/shared')
  @Public()
  @Cors(partnerOnly)
  replaceShared() {
    return {};
  }

  @Put(':id/own')
  @Public()
  own() {
    return {};
  }
}

@Controller('closed')
@Public()
@Cors(false)
class Closed {
  @Get()
  none() {
    return {};
  }

  @Get('open')
  @Cors({ origins: '*' })
  open() {
    return {};
  }

  @All('files/*')
  @Cors(partnerOnly)
  files() {
    return {};
  }
}

@Controller('feature')
@Public()
class OfFeature {
  @Get()
  list() {
    return {};
  }

  @Get('own')
  @Cors({ origins: [APP] })
  own() {
    return {};
  }
}

abstract class Inherited {
  @Get('item')
  @Public()
  item() {
    return {};
  }
}

@Controller('first')
@Cors({ origins: ['https://first.example'] })
class First extends Inherited {}

@Controller('second')
@Cors({ origins: ['https://second.example'] })
class Second extends Inherited {}

const preflight = (origin: string, method = 'GET', headers?: string): Sent => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': method,
    ...(headers !== undefined && { 'access-control-request-headers': headers }),
  },
});

describe.each(ADAPTERS)('cors on %s', (adapter) => {
  let edge: EdgeApplication;
  beforeAll(async () => {
    class Feature {}
    edge = await startEdge(
      adapter,
      securityWith(signingKey('ES256'), {
        cors: {
          origins: [APP, 'https://*.apps.example', /^https:\/\/pr-\d+\.preview\.example$/],
          methods: ['GET', 'POST'],
          headers: ['Authorization'],
          exposed: ['X-Total'],
          credentials: true,
          maxAge: 60,
        },
      }),
      [Notes, Closed, First, Second],
      {
        imports: [
          { module: Feature, imports: [SecurityModule.forFeature({ cors: partnerOnly })], controllers: [OfFeature] },
        ],
      },
    );
  });
  afterAll(() => edge.close());
  const allowed = async (path: string, origin: string, sent: Sent = {}) =>
    (await edge.send(path, { ...sent, headers: { ...sent.headers, origin } })).headers['access-control-allow-origin'];

  it.each([APP, 'https://one.apps.example', 'https://a.b.apps.example', 'https://pr-12.preview.example'])(
    'lets in %s',
    async (origin) => {
      const { status, headers } = await edge.send('/notes', { headers: { origin } });
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'X-Total',
        vary: 'Origin',
      });
    },
  );

  it.each([
    EVIL,
    'null',
    'http://app.example',
    'https://app.example.evil.test',
    'https://apps.example',
    'https://pr-1.preview.example.evil.test',
    'https://app.example:8443',
    '',
    'garbage',
  ])('does not let in "%s", and publishes it', async (origin) => {
    edge.takeDenials();
    const { status, headers } = await edge.send('/notes', { headers: { origin } });
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect(headers.vary).toBe('Origin');
    expect(edge.takeDenials()).toEqual([expect.objectContaining({ reason: 'cors_origin_refused', enforced: false })]);
  });

  it('says Vary without an Origin as well', async () => {
    for (const path of ['/notes', '/nowhere', '/closed/files/a'])
      expect((await edge.send(path)).headers.vary).toBe('Origin');
  });

  it("says '*' without an Origin as well, as a cache may keep the answer for every page", async () => {
    const { headers } = await edge.send('/closed/open');
    expect([headers['access-control-allow-origin'], headers.vary]).toEqual(['*', undefined]);
  });

  it('answers a preflight without asking a guard or a handler', async () => {
    const { status, headers, text } = await edge.send(
      '/notes/mine',
      preflight(APP, 'POST', 'authorization,content-type'),
    );
    expect([status, text]).toEqual([204, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, POST',
      'access-control-max-age': '60',
    });
    expect(headers['access-control-allow-headers']).toContain('Authorization');
    expect(headers.vary).toMatch(/Origin.*Access-Control-Request-Method.*Access-Control-Request-Headers/);
  });

  it.each<[string, Sent]>([
    ['cors_origin_refused', preflight(EVIL)],
    ['cors_origin_refused', preflight('null')],
    ['cors_method_refused', preflight(APP, 'DELETE')],
    ['cors_header_refused', preflight(APP, 'GET', 'x-other')],
    [
      'cors_private_network_refused',
      { ...preflight(APP), headers: { ...preflight(APP).headers, 'access-control-request-private-network': 'true' } },
    ],
  ])('refuses a preflight with 403 %s, and publishes it', async (code, sent) => {
    edge.takeDenials();
    const answer = await edge.send('/notes', sent);
    expect([answer.status, answer.body['code']]).toEqual([403, code]);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({ reason: code, method: 'OPTIONS', address: '127.0.0.1', route: undefined }),
    ]);
  });

  it('leaves any other OPTIONS to the application', async () => {
    expect((await edge.send('/nowhere', { method: 'OPTIONS', headers: { origin: APP } })).status).toBe(404);
  });

  it.each<[number, string, Sent?]>([
    [400, '/notes//x'],
    [400, '/notes', { body: { text: 1 } }],
    [401, '/notes/mine'],
    [403, '/notes/refuses'],
    [404, '/nowhere'],
    [413, '/notes', { body: { text: 'x'.repeat(200_000) } }],
    [415, '/notes', { body: 'x', headers: { 'content-type': 'text/plain' } }],
    [429, '/notes/limited'],
    [500, '/notes/breaks'],
  ])('lets the page read why it got %d (%s)', async (status, path, ...[sent = {}]) => {
    const answer = await edge.send(path, { ...sent, headers: { ...sent.headers, origin: APP } });
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBe(APP);
    expect(answer.names.filter((name) => name === 'access-control-allow-origin')).toHaveLength(1);
    expect(answer.headers.vary).toContain('Origin');
  });

  it('lets the page of an origin that only the handler allows read why it never got there', async () => {
    const answer = await edge.send('/closed/files/x', { headers: { origin: PARTNER }, body: 'x'.repeat(200_000) });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([413, PARTNER]);
  });

  it("publishes nothing of the application's own pages", async () => {
    edge.takeDenials();
    const origin = `http://127.0.0.1:${edge.port}`;
    expect((await edge.send('/notes', { headers: { origin }, body: { text: 'own' } })).status).toBe(201);
    expect(edge.takeDenials()).toEqual([]);
  });

  it('is what @Cors of the handler says, preflights included, whatever the path holds', async () => {
    for (const path of ['/notes/1/shared', '/notes/abc%20d/shared', '/notes/1/shared/?x=1']) {
      expect([path, (await edge.send(path, preflight(PARTNER, 'PUT', 'x-partner'))).status]).toEqual([path, 204]);
      expect([path, (await edge.send(path, preflight(APP, 'PUT'))).status]).toEqual([path, 403]);
    }
    expect(await allowed('/notes/1/shared', PARTNER)).toBe(PARTNER);
    expect(await allowed('/notes/1/shared', APP)).toBeUndefined();
    const { headers } = await edge.send('/notes/1/shared', { headers: { origin: PARTNER } });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect((await edge.send('/notes/1/own', preflight(PARTNER, 'PUT'))).status).toBe(403);
  });

  it('is what @Cors of the class says, unless the handler says otherwise', async () => {
    expect(await allowed('/closed', APP)).toBeUndefined();
    expect((await edge.send('/closed', preflight(APP))).status).toBe(403);
    expect(await allowed('/closed/open', EVIL)).toBe('*');
    expect((await edge.send('/closed/open', preflight(EVIL))).headers['access-control-allow-origin']).toBe('*');
  });

  it('holds for a route with a wildcard', async () => {
    expect((await edge.send('/closed/files/a/b/c', preflight(PARTNER, 'PUT'))).status).toBe(204);
    expect(await allowed('/closed/files/a/b/c', PARTNER, { method: 'PUT' })).toBe(PARTNER);
    expect(await allowed('/closed/files/a/b/c', APP)).toBeUndefined();
  });

  it('is what forFeature says for its controllers, unless they say otherwise', async () => {
    expect(await allowed('/feature', PARTNER)).toBe(PARTNER);
    expect(await allowed('/feature', APP)).toBeUndefined();
    expect(await allowed('/feature/own', APP)).toBe(APP);
    expect((await edge.send('/feature', preflight(PARTNER))).status).toBe(204);
  });

  it.each(['first', 'second'])('tells apart controllers that inherit one handler (%s)', async (name) => {
    const own = `https://${name}.example`;
    const other = `https://${name === 'first' ? 'second' : 'first'}.example`;
    expect((await edge.send(`/${name}/item`, preflight(own))).status).toBe(204);
    expect((await edge.send(`/${name}/item`, preflight(other))).status).toBe(403);
    expect(await allowed(`/${name}/item`, own)).toBe(own);
    expect(await allowed(`/${name}/item`, other)).toBeUndefined();
  });
});

@Controller('things')
@Public()
class Versioned {
  @Get()
  @Version('1')
  @Cors(partnerOnly)
  first() {
    return { version: 1 };
  }

  @Get()
  @Version('2')
  second() {
    return { version: 2 };
  }
}

@Controller('inner')
@Public()
class Inner {
  @Get()
  @Cors(partnerOnly)
  list() {
    return {};
  }
}

describe.each(ADAPTERS)('@Cors on %s finds its route', (adapter) => {
  const start = (configure: (app: INestApplication) => void) => {
    class Nested {}
    return startEdge(adapter, { cors: { origins: [APP] } }, [Versioned], {
      configure,
      imports: [{ module: Nested, controllers: [Inner] }, RouterModule.register([{ path: 'outer', module: Nested }])],
    });
  };

  it('behind a version in the path and a global prefix', async () => {
    const edge = await start((app) => app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI }));
    expect((await edge.send('/api/v1/things', preflight(PARTNER))).status).toBe(204);
    expect((await edge.send('/api/v2/things', preflight(PARTNER))).status).toBe(403);
    expect((await edge.send('/api/v2/things', preflight(APP))).status).toBe(204);
    expect(
      (await edge.send('/api/v1/things', { headers: { origin: PARTNER } })).headers['access-control-allow-origin'],
    ).toBe(PARTNER);
    expect((await edge.send('/api/outer/inner', preflight(PARTNER))).status).toBe(204);
    await edge.close();
  });

  it('behind the prefix of a module', async () => {
    const edge = await start((app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }));
    expect((await edge.send('/outer/inner', preflight(PARTNER))).status).toBe(204);
    expect((await edge.send('/inner', preflight(PARTNER))).status).toBe(403);
    await edge.close();
  });

  it('by a version in a header, for which a preflight cannot ask: the stricter answer, and each its own fields', async () => {
    const edge = await start((app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }));
    const ask = (version: string, origin: string) =>
      edge.send('/things', { headers: { 'x-version': version, origin } });
    expect((await edge.send('/things', preflight(PARTNER))).status).toBe(403);
    const first = await ask('1', PARTNER);
    expect([first.body['version'], first.headers['access-control-allow-origin']]).toEqual([1, PARTNER]);
    expect((await ask('2', PARTNER)).headers).not.toHaveProperty('access-control-allow-origin');
    expect((await ask('1', APP)).headers).not.toHaveProperty('access-control-allow-origin');
    expect((await ask('2', APP)).headers['access-control-allow-origin']).toBe(APP);
    await edge.close();
  });
});

describe.each(ADAPTERS)('cors by a function on %s', (adapter) => {
  it('waits for its promise, keeps the answer for a while, and refuses where it fails', async () => {
    const asked: string[] = [];
    const resolve = (origin: string): Promise<boolean> => {
      asked.push(origin);
      return origin === 'https://broken.example' ? Promise.reject(new Error('away')) : Promise.resolve(origin === APP);
    };
    const edge = await startEdge(adapter, { cors: { origins: { resolve, always: [PARTNER], cache: { ttl: 10 } } } }, [
      Notes,
    ]);
    const allows = async (origin: string) =>
      (await edge.send('/notes', { headers: { origin } })).headers['access-control-allow-origin'];
    expect(await allows(APP)).toBe(APP);
    expect(await allows(APP)).toBe(APP);
    expect(await allows(EVIL)).toBeUndefined();
    expect(await allows(PARTNER)).toBe(PARTNER);
    expect(await allows('https://broken.example')).toBeUndefined();
    expect(asked).toEqual([APP, EVIL, 'https://broken.example']);
    edge.clock.advance(11);
    expect((await edge.send('/notes', preflight(APP))).status).toBe(204);
    expect(asked.at(-1)).toBe(APP);
    expect(asked).toHaveLength(4);
    await edge.close();
  });
});

describe.each(ADAPTERS)('cors that is only recorded on %s', (adapter) => {
  it('lets pages in without credentials, and publishes what would have been refused', async () => {
    const edge = await startEdge(adapter, { cors: { origins: [APP], credentials: true, enforcement: 'report' } }, [
      Notes,
    ]);
    const answer = await edge.send('/notes', { headers: { origin: EVIL } });
    expect(answer.headers['access-control-allow-origin']).toBe(EVIL);
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    expect((await edge.send('/notes', preflight(EVIL, 'DELETE'))).status).toBe(204);
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({ reason: 'cors_origin_refused', enforced: false }),
      expect.objectContaining({ reason: 'cors_origin_refused', enforced: false, method: 'OPTIONS' }),
    ]);
    await edge.close();
  });
});

describe.each(ADAPTERS)('Without cors on %s', (adapter) => {
  it.each([undefined, false] as const)('no answer carries a field of it (%s)', async (cors) => {
    const edge = await startEdge(adapter, { cors }, [Notes]);
    for (const sent of [{ headers: { origin: APP } }, preflight(APP)]) {
      const { headers } = await edge.send('/notes', sent);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
    await edge.close();
  });
});

describe('The start is refused', () => {
  const withCors = (cors: CorsOptions) => {
    @Controller('bad')
    class Bad {
      @Get()
      @Public()
      @Cors(cors)
      list() {
        return {};
      }
    }
    return Bad;
  };
  it.each<[string, CorsOptions, string]>([
    ['* with credentials', { origins: '*', credentials: true }, 'every page could act'],
    ['null', { origins: ['null'] }, 'sandboxed frame'],
    ['an open expression', { origins: [/example\.com/] }, 'origins[0]'],
    ['an unknown option', { origins: [APP], orgins: [] } as CorsOptions, 'orgins'],
  ])('for %s, by @Cors with the handler’s name and by forFeature with the module’s', async (_, cors, text) => {
    const byDecorator = await startFailure({ imports: [SecurityModule.forRoot({})], controllers: [withCors(cors)] });
    expect(byDecorator).toBeInstanceOf(SecurityConfigurationError);
    expect((byDecorator as Error).message).toContain('Bad.list');
    expect((byDecorator as Error).message).toContain(text);
    class Feature {}
    const byFeature = await startFailure({
      imports: [
        SecurityModule.forRoot({}),
        { module: Feature, imports: [SecurityModule.forFeature({ cors })], controllers: [Notes] },
      ],
    });
    expect((byFeature as Error).message).toContain(text);
    expect(() => SecurityModule.forRoot({ cors })).toThrow(text);
  });
});
