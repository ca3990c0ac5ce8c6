import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { completeHeaders, headerBlock, headerEntry, headerList, type AnswerHeaders } from './edge.headers.js';

type Act = (response: ServerResponse) => void;

let server: Server;
let port: number;
let act: Act;
let complete: (headers: AnswerHeaders, status: number) => void;
beforeAll(async () => {
  server = createServer((_, response) => {
    completeHeaders(response, { complete: (headers, status) => complete(headers, status) });
    act(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** Names in lower case with their values, in the order of their names. */
async function answer(acting: Act, completing: (headers: AnswerHeaders, status: number) => void) {
  act = acting;
  complete = completing;
  const incoming = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, agent: false }, resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
  incoming.resume();
  const fields: string[] = [];
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    const name = String(incoming.rawHeaders[i]).toLowerCase();
    if (name.startsWith('x-') || name === 'vary') fields.push(`${name}: ${incoming.rawHeaders[i + 1]}`);
  }
  return { status: incoming.statusCode, phrase: incoming.statusMessage, fields: fields.toSorted() };
}

const BLOCK = headerBlock(
  headerList([
    ['X-One', '1'],
    ['X-Two', '2'],
  ]),
);
const ADDED = (headers: AnswerHeaders): void => {
  headers.addAll(BLOCK);
  headers.add(headerEntry('X-Three', '3'));
};

const WAYS: readonly (readonly [string, (own: readonly (readonly [string, string])[]) => Act])[] = [
  [
    'an object in lower case',
    (own) => (response) =>
      void response.writeHead(200, Object.fromEntries(own.map(([name, value]) => [name.toLowerCase(), value]))).end(),
  ],
  [
    'an object in mixed case',
    (own) => (response) =>
      void response.writeHead(200, Object.fromEntries(own.map(([name, value]) => [mixed(name), value]))).end(),
  ],
  ['a list', (own) => (response) => void response.writeHead(200, own.flat()).end()],
  ['a list with a phrase', (own) => (response) => void response.writeHead(200, 'Fine', own.flat()).end()],
  [
    'an object over a field of the response',
    (own) => (response) => {
      response.setHeader('X-Field', 'f');
      response.writeHead(200, Object.fromEntries(own)).end();
    },
  ],
  [
    'fields of the response',
    (own) => (response) => {
      for (const [name, value] of own) response.setHeader(name, value);
      response.end();
    },
  ],
];

function mixed(name: string): string {
  return name.toLowerCase().replace(/-(\w)/g, (_, letter: string) => `-${letter.toUpperCase()}`);
}

describe.each(WAYS)('The head of an answer that is given as %s', (way, write) => {
  const own = way === 'an object over a field of the response' ? ['x-field: f'] : [];

  it('is completed', async () => {
    const { status, fields } = await answer(write([['X-Own', 'o']]), ADDED);
    expect(status).toBe(200);
    expect(fields).toEqual([...own, 'x-one: 1', 'x-own: o', 'x-three: 3', 'x-two: 2']);
  });

  it('keeps what the application says itself', async () => {
    const { fields } = await answer(
      write([
        ['X-One', 'own'],
        ['X-Three', 'own'],
      ]),
      ADDED,
    );
    expect(fields).toEqual([...own, 'x-one: own', 'x-three: own', 'x-two: 2']);
  });

  it('can be read, replaced and freed of fields', async () => {
    let seen: unknown;
    const { fields } = await answer(
      write([
        ['Vary', 'Accept'],
        ['X-Powered-By', 'me'],
      ]),
      (headers) => {
        seen = headers.get('vary');
        headers.replace(headerEntry('Vary', 'Accept, Origin'));
        headers.remove('x-powered-by');
        headers.remove('x-absent');
      },
    );
    expect(seen).toBe('Accept');
    expect(fields).toEqual(['vary: Accept, Origin', ...own].toSorted());
  });
});

describe('completeHeaders', () => {
  it('keeps lines that repeat a name', async () => {
    const list = ['X-Own', 'a', 'x-own', 'b', 'X-Other', 'c'];
    expect((await answer((response) => void response.writeHead(200, list).end(), ADDED)).fields).toEqual([
      'x-one: 1',
      'x-other: c',
      'x-own: a',
      'x-own: b',
      'x-three: 3',
      'x-two: 2',
    ]);
    const object = { 'x-own': ['a', 'b'] };
    expect((await answer((response) => void response.writeHead(200, object).end(), ADDED)).fields).toEqual([
      'x-one: 1',
      'x-own: a',
      'x-own: b',
      'x-three: 3',
      'x-two: 2',
    ]);
  });

  it('keeps status and reason phrase', async () => {
    expect(
      await answer((response) => void response.writeHead(404, 'Gone fishing', { 'x-own': 'o' }).end(), ADDED),
    ).toMatchObject({
      status: 404,
      phrase: 'Gone fishing',
    });
    expect(await answer((response) => void response.writeHead(404, 'Gone fishing').end(), ADDED)).toMatchObject({
      phrase: 'Gone fishing',
    });
  });

  it('tells the status that is written', async () => {
    let told: number | undefined;
    await answer(
      (response) => {
        response.statusCode = 418;
        response.end();
      },
      (_, status) => (told = status),
    );
    expect(told).toBe(418);
  });

  it('completes the head that is written after one that Node refused', async () => {
    const { status, fields } = await answer((response) => {
      expect(() => response.writeHead(200, { 'x-own': 'a\nb' })).toThrow('Invalid character');
      response.writeHead(500, { 'x-own': 'o' }).end();
    }, ADDED);
    expect([status, fields]).toEqual([500, ['x-one: 1', 'x-own: o', 'x-three: 3', 'x-two: 2']]);
  });

  it('leaves it to Node to refuse a second head', async () => {
    let calls = 0;
    await answer(
      (response) => {
        response.writeHead(200);
        expect(() => response.writeHead(500)).toThrow(/ERR_HTTP_HEADERS_SENT|after they are sent/);
        response.end();
      },
      () => void calls++,
    );
    expect(calls).toBe(1);
  });
});

describe('what the application gives to writeHead', () => {
  it.each([
    ['a constant', { vary: 'Accept' }],
    ['a constant with other names', { Vary: 'Accept', Server: 'x' }],
    ['a frozen constant', Object.freeze({ vary: 'Accept', server: 'x' })],
  ])('is left as it was: %s', async (_, given) => {
    const before = { ...given };
    for (let time = 0; time < 2; time++) {
      const { status, fields } = await answer(
        (response) => response.writeHead(200, given).end(),
        (headers) => {
          headers.replace(headerEntry('Vary', `${String(headers.get('vary'))}, Origin`));
          headers.remove('server');
        },
      );
      expect([status, fields]).toEqual([200, ['vary: Accept, Origin']]);
    }
    expect(given).toEqual(before);
  });
});
