import { All, Controller, Get, HttpCode } from '@nestjs/common';
import { beforeEach, expect, it } from '@jest/globals';
import { Public } from '@palisade/nest';
import { answersIn } from '../conformance/wire.js';
import { attackEdge, EVIL } from './edge-victim.js';

const reached: string[] = [];

@Controller()
@Public()
class Routes {
  @All('form')
  @HttpCode(200)
  form() {
    reached.push('form');
    return {};
  }

  @Get('smuggled')
  smuggled() {
    reached.push('smuggled');
    return {};
  }

  @Get('next')
  next() {
    reached.push('next');
    return {};
  }
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: bank.example\r\n\r\n';
const size = SMUGGLED.length.toString(16);

/** Requests whose end two readers see in different places: behind it, for one of them, the next request begins. */
const FRAMINGS: readonly (readonly [string, string, string])[] = [
  ['a length and a coding', 'Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`],
  ['a coding and a length', `Transfer-Encoding: chunked\r\nContent-Length: ${SMUGGLED.length}`, `0\r\n\r\n${SMUGGLED}`],
  ['two lengths', `Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED],
  ['two lengths that are equal', 'Content-Length: 0\r\nContent-Length: 0', SMUGGLED],
  ['two lengths in one line', `Content-Length: 0, ${SMUGGLED.length}`, SMUGGLED],
  ['two equal lengths in one line', 'Content-Length: 0, 0', SMUGGLED],
  ['a length with a sign', 'Content-Length: +0', SMUGGLED],
  ['a length below nothing', 'Content-Length: -1', SMUGGLED],
  ['a length in hexadecimal', 'Content-Length: 0x0', SMUGGLED],
  ['a length with a fraction', 'Content-Length: 0.0', SMUGGLED],
  ['a length with a blank in it', 'Content-Length: 0 0', SMUGGLED],
  ['an empty length', 'Content-Length:', SMUGGLED],
  ['a length before a colon with a space', 'Content-Length : 0', SMUGGLED],
  ['a length with a control character', 'Content-Length: \u000b0', SMUGGLED],
  ['a length too long for a number', `Content-Length: ${'9'.repeat(30)}`, SMUGGLED],
  ['a coding before a colon with a space', `Transfer-Encoding : chunked`, `0\r\n\r\n${SMUGGLED}`],
  ['a coding that is folded', `Transfer-Encoding:\r\n chunked`, `0\r\n\r\n${SMUGGLED}`],
  ['a coding with a bare line feed', `X: y\nTransfer-Encoding: chunked`, `0\r\n\r\n${SMUGGLED}`],
  ['a coding with a control character', 'Transfer-Encoding: \u000bchunked', `0\r\n\r\n${SMUGGLED}`],
  ['a coding that is nearly chunked', 'Transfer-Encoding: xchunked', `0\r\n\r\n${SMUGGLED}`],
  ['a coding in quotes', 'Transfer-Encoding: "chunked"', `0\r\n\r\n${SMUGGLED}`],
  ['identity', 'Transfer-Encoding: identity', SMUGGLED],
  ['chunked and then identity', 'Transfer-Encoding: chunked, identity', `0\r\n\r\n${SMUGGLED}`],
  ['identity and then chunked', 'Transfer-Encoding: identity, chunked', `0\r\n\r\n${SMUGGLED}`],
  ['chunked twice', 'Transfer-Encoding: chunked, chunked', `0\r\n\r\n${SMUGGLED}`],
  ['chunked in two lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`],
  ['two codings in two lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: x', `0\r\n\r\n${SMUGGLED}`],
  ['gzip and then chunked', 'Transfer-Encoding: gzip, chunked', `0\r\n\r\n${SMUGGLED}`],
  ['a chunk with a sign', 'Transfer-Encoding: chunked', `+0\r\n\r\n${SMUGGLED}`],
  ['a chunk with 0x', 'Transfer-Encoding: chunked', `0x0\r\n\r\n${SMUGGLED}`],
  ['a chunk that wraps around', 'Transfer-Encoding: chunked', `10000000000000000\r\n\r\n${SMUGGLED}`],
  ['a chunk without its end', 'Transfer-Encoding: chunked', `1\r\nx0\r\n\r\n${SMUGGLED}`],
  ['a chunk that ends in a line feed', 'Transfer-Encoding: chunked', `0\n\n${SMUGGLED}`],
  ['a chunk with a line feed in its extension', 'Transfer-Encoding: chunked', `0;\n${size}\r\n\r\n${SMUGGLED}`],
];

const subject = { security: { hosts: ['bank.example'] }, controllers: [Routes] };

attackEdge('A request whose end is doubtful', subject, (victim) => {
  beforeEach(() => {
    reached.length = 0;
  });

  it.each(FRAMINGS)('(%s) is the last of its connection, and hides no other', async (_, framing, body) => {
    const head = `POST /form HTTP/1.1\r\nHost: bank.example\r\nConnection: keep-alive\r\n${framing}\r\n\r\n`;
    const answers = answersIn(await victim.exchange(`${head}${body}`));
    expect(reached).toEqual([]);
    expect(answers.map(({ status }) => status).filter((status) => status < 400 || status > 499)).toEqual([]);
    expect(answers.length).toBeGreaterThan(0);
    // The second one is that of Node's parser, which gives up on what follows.
    expect(answers.length).toBeLessThanOrEqual(2);
  });

  it('while a body of a length keeps to itself, and the next request comes after it', async () => {
    const head = `POST /form HTTP/1.1\r\nHost: bank.example\r\nContent-Type: application/json\r\n`;
    const body = JSON.stringify({ text: SMUGGLED });
    const next = 'GET /next HTTP/1.1\r\nHost: bank.example\r\nConnection: close\r\n\r\n';
    const answers = answersIn(await victim.exchange(`${head}Content-Length: ${body.length}\r\n\r\n${body}${next}`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(reached.toSorted()).toEqual(['form', 'next']);
  });

  it('while a body in chunks keeps to itself, and the next request comes after it', async () => {
    const head = `POST /form HTTP/1.1\r\nHost: bank.example\r\nContent-Type: application/json\r\n`;
    const body = JSON.stringify({ text: SMUGGLED });
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const next = 'GET /next HTTP/1.1\r\nHost: bank.example\r\nConnection: close\r\n\r\n';
    const answers = answersIn(await victim.exchange(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks}${next}`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(reached.toSorted()).toEqual(['form', 'next']);
  });
});

attackEdge('A line break in a request', subject, (victim) => {
  beforeEach(() => {
    reached.length = 0;
  });

  const BREAK = [
    '%0d%0a',
    '%0D%0A',
    '%0a',
    '%0d',
    '%E2%80%A8',
    '%E2%80%A9',
    '%C2%85',
    '%250d%250a',
    '%00',
    '%0b',
    '%0c',
  ];

  it.each(BREAK)('(%s), encoded in the path, is refused', async (encoded) => {
    for (const target of [`/next${encoded}Set-Cookie:x=${EVIL}`, `/${encoded}/next`, `/next/${encoded}`]) {
      victim.expectRefused(await victim.call(target), 'target_malformed', 'target_not_normalized');
    }
    expect(reached).toEqual([]);
  });

  it.each(BREAK.slice(0, 4))('(%s), encoded in the name of a parameter, is refused', async (encoded) => {
    victim.expectRefused(await victim.call(`/next?a${encoded}b=1`), 'parameter_malformed');
    expect(reached).toEqual([]);
  });

  it.each(['\r', '\u0000', '\u000b', '\u000c', '\t', ' '])(
    '(%j), as it is in the target, makes no second line',
    async (raw) => {
      const answer = await victim.exchange(
        `GET /next${raw}X-Injected: ${EVIL} HTTP/1.1\r\nHost: bank.example\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).not.toContain(EVIL);
      expect(reached).toEqual([]);
    },
  );

  it.each(['\r\n', '\n'])('(%j), that ends the target, leaves one request and a header of it', async (raw) => {
    // Node takes a first line without a version for HTTP/0.9.
    const line = `GET /next${raw}X-Injected: ${EVIL} HTTP/1.1`;
    const answer = await victim.exchange(`${line}\r\nHost: bank.example\r\nConnection: close\r\n\r\n`);
    expect(answersIn(answer)).toHaveLength(1);
    expect(answer).not.toContain(EVIL);
  });

  it.each(['\n', '\r', '\u0000', '\u0001', '\u007f\u0000'])('(%j), in a header, is refused', async (raw) => {
    const answer = await victim.exchange(
      `GET /next HTTP/1.1\r\nHost: bank.example\r\nX-Text: a${raw}X-Injected ${EVIL}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toContain(EVIL);
    expect(reached).toEqual([]);
  });
});
