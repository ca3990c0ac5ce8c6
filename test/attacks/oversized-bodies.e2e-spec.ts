import { Body, Controller, HttpCode, Post, Version, VersioningType, type INestApplication } from '@nestjs/common';
import { beforeEach, expect, it } from '@jest/globals';
import { BodyLimit, Public } from '@palisade/nest';
import { gzipSync } from 'node:zlib';
import { attackEdge, type AttackCall, type EdgeVictim } from './edge-victim.js';

const taken: string[] = [];

const take = (route: string, body: object) => {
  taken.push(`${route} ${JSON.stringify(body).length}`);
  return { route };
};

@Controller()
@Public()
class Routes {
  @Post('uploads')
  @HttpCode(200)
  @BodyLimit('1mb')
  upload(@Body() body: object) {
    return take('uploads', body);
  }

  @Post('notes')
  @HttpCode(200)
  note(@Body() body: object) {
    return take('notes', body);
  }

  @Post('files/large')
  @HttpCode(200)
  @BodyLimit('1mb')
  large(@Body() body: object) {
    return take('large', body);
  }

  /** Shadows what the guess takes for the large one, wherever the router tells letters apart. */
  @Post('files/:name')
  @HttpCode(200)
  small(@Body() body: object) {
    return take('small', body);
  }

  @Post('versioned')
  @Version('1')
  @HttpCode(200)
  @BodyLimit('1mb')
  first(@Body() body: object) {
    return take('first', body);
  }

  @Post('versioned')
  @Version('2')
  @HttpCode(200)
  second(@Body() body: object) {
    return take('second', body);
  }
}

/** What each route may take; the limit of all is 1 kb. */
const LIMITS: Readonly<Record<string, number>> = { uploads: 1_048_576, large: 1_048_576, first: 1_048_576 };

const subject = {
  security: { firewall: { bodyLimit: '1kb' } },
  controllers: [Routes],
  configure: (app: INestApplication) => void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
};

const JSON_TYPE = ['Content-Type', 'application/json'] as const;
const textOf = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - '{"text":""}'.length) });
const chunked = (body: string, size = 8192): string => {
  const chunks = body.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
};

/** No route took more than it may. */
function expectWithinLimits(): void {
  for (const entry of taken) {
    const [route = '', length] = entry.split(' ');
    expect(Number(length)).toBeLessThanOrEqual(LIMITS[route] ?? 1024);
  }
}

async function post(
  victim: EdgeVictim,
  target: string,
  body: string,
  headers: NonNullable<AttackCall['headers']> = [],
) {
  return victim.call(target, { method: 'POST', headers: [JSON_TYPE, ...headers], body });
}

attackEdge('A body that is too large', subject, (victim) => {
  beforeEach(() => {
    taken.length = 0;
  });

  it.each([1025, 10_000, 10_000_000, 999_999_999_999_999])(
    '(%d bytes, declared) is refused before it is sent',
    async (length) => {
      const answer = await victim.call('/notes', {
        method: 'POST',
        headers: [JSON_TYPE, ['Content-Length', String(length)]],
      });
      victim.expectRefused(answer, 'body_too_large');
      expect(answer.status).toBe(413);
      expect(answer.headers['connection']).toBe('close');
      expect(taken).toEqual([]);
    },
  );

  it('(declared, and announced with Expect) is refused without being asked for', async () => {
    const answers = await victim.exchange(
      'POST /notes HTTP/1.1\r\nHost: bank.example\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n' +
        'Expect: 100-continue\r\n\r\n',
    );
    expect(answers).toMatch(/^HTTP\/1\.1 413 /);
  });

  it.each([
    ['in chunks', 8192],
    ['in chunks of ten bytes', 10],
    ['in one chunk', 10_000_000],
  ])('(%s) is refused as soon as it passes the limit', async (_, size) => {
    const body = chunked(textOf(size === 10 ? 5_000 : 200_000), size);
    const answer = await victim.call('/notes', {
      method: 'POST',
      headers: [JSON_TYPE, ['Transfer-Encoding', 'chunked']],
      body,
    });
    victim.expectRefused(answer, 'body_too_large');
    expect(answer.status).toBe(413);
    expect(taken).toEqual([]);
  });

  it('(in chunks without end) is refused, and the connection closed', async () => {
    const socket = victim.wire.open();
    let received = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.write(
      'POST /notes HTTP/1.1\r\nHost: bank.example\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    const send = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', send);
    socket.on('data', (data: string) => {
      received += data;
    });
    await new Promise((resolve) => {
      socket.on('close', resolve);
      send();
    });
    expect(received).toMatch(/^(?:HTTP\/1\.1 413 |$)/);
    expect(taken).toEqual([]);
  });

  it.each([
    ['gzip', gzipSync(Buffer.from(textOf(20_000_000)))],
    ['x-gzip', gzipSync(Buffer.from(textOf(20_000_000)))],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.from(textOf(20_000_000))))],
  ])('(folded into %s) does not unfold', async (encoding, bomb) => {
    for (const target of ['/notes', '/uploads']) {
      const answer = await victim.call(target, {
        method: 'POST',
        headers: [JSON_TYPE, ['Content-Encoding', encoding]],
        body: bomb,
      });
      victim.expectRefused(answer);
    }
    expect(taken).toEqual([]);
  });

  const LARGE = textOf(200_000);

  it.each(['/uploads', '/files/large'])('is taken at %s, which allows more, and not beyond that', async (target) => {
    expect((await post(victim, target, LARGE)).status).toBe(200);
    expect(
      (
        await victim.call(target, {
          method: 'POST',
          headers: [JSON_TYPE, ['Transfer-Encoding', 'chunked']],
          body: chunked(LARGE),
        })
      ).status,
    ).toBe(200);
    expect((await post(victim, target, textOf(1_100_000))).status).toBe(413);
    expectWithinLimits();
  });

  it.each([
    '/notes',
    '/NOTES',
    '/notes/',
    '/notes?/uploads',
    '/notes?x=/files/large',
    '/files/LARGE',
    '/files/Large',
    '/files/large/',
    '/files/%6carge',
    '/files/%6Carge',
    '/FILES/large',
    '/files/other',
    '/files/largE?large',
    '/UPLOADS',
    '/%75ploads',
    '/uploads/',
    '/versioned',
    'http://bank.example/files/LARGE',
    'http://bank.example/uploads/../notes',
  ])('does not come in at %s by the leave of another route', async (target) => {
    for (const version of /versioned/i.test(target) ? ['1', '2', '3'] : ['1']) {
      const headers = [['X-Version', version]] as const;
      await post(victim, target, LARGE, headers);
      await victim.call(target, {
        method: 'POST',
        headers: [JSON_TYPE, ['Transfer-Encoding', 'chunked'], ...headers],
        body: chunked(LARGE),
      });
    }
    expectWithinLimits();
  });

  it('while a small one is taken everywhere', async () => {
    for (const target of ['/notes', '/uploads', '/files/other', '/files/large']) {
      expect((await post(victim, target, textOf(500))).status).toBe(200);
    }
    for (const version of ['1', '2']) {
      expect((await post(victim, '/versioned', textOf(500), [['X-Version', version]])).status).toBe(200);
    }
  });
});
