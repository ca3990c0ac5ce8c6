import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createServer, Server } from 'node:http';
import { compileHeaderFields, isParserStrict } from './header-fields.policy.js';
import { resolveFirewall, type FirewallHeaderOptions } from './firewall.options.js';

function answerTo(rawHeaders: readonly string[], headers: FirewallHeaderOptions = {}, parserIsStrict = false): string {
  const decision = compileHeaderFields(resolveFirewall({ headers }).headers)(rawHeaders, parserIsStrict);
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('header fields', () => {
  it.each<[string, string[]]>([
    ['none', []],
    ['the usual', ['Host', 'example.org', 'Accept', '*/*', 'Content-Type', 'text/plain', 'Content-Length', '12']],
    ['a tab', ['X-Text', 'a\tb']],
    ['text of some encoding', ['X-Text', 'caf\u00c3\u00a9']],
    ['an empty value', ['X-Text', '']],
    ['repeated ones that may be', ['Accept', 'a', 'accept', 'b', 'Cookie', 'c']],
    ['a chunked body', ['Transfer-Encoding', 'Chunked']],
    ['pseudo-header fields', [':method', 'GET', ':path', `/${'a'.repeat(9000)}`]],
    ['names of the same lengths', ['sec-fetch-mode', 'cors', 'cors-fetch-mode-x', 'a', 'cache-values', 'b']],
  ])('are accepted: %s', (_, rawHeaders) => {
    expect(answerTo(rawHeaders)).toBe('allowed');
  });

  it.each<[string, string[]]>([
    ['fw-53, NUL in a value', ['Something', 'bad\0value']],
    ['a line feed in a value', ['X', 'a\nSet-Cookie: b']],
    ['a carriage return in a value', ['X', 'a\rb']],
    ['an escape in a value', ['X', '\u001b[31m']],
    ['DEL in a value', ['X', 'a\u007f']],
    ['a control character in a name', ['X\u0001', 'a']],
    ['a space in a name', ['X Y', 'a']],
    ['an empty name', ['', 'a']],
    ['a name without a value', ['Host']],
  ])('are refused: %s', (_, rawHeaders) => {
    expect(answerTo(rawHeaders)).toBe('header_malformed');
  });

  it.each<[string, string[]]>([
    ['both say where the body ends', ['Transfer-Encoding', 'chunked', 'Content-Length', '5']],
    ['both do, in the other order', ['content-length', '5', 'transfer-encoding', 'chunked']],
    ['two lengths', ['Content-Length', '5', 'content-length', '6']],
    ['two lengths that agree', ['Content-Length', '5', 'Content-Length', '5']],
    ['a list of lengths', ['Content-Length', '5, 5']],
    ['a length with a sign', ['Content-Length', '+5']],
    ['a length in hexadecimal', ['Content-Length', '0x5']],
    ['no length', ['Content-Length', '']],
    ['a length of too many digits', ['Content-Length', '9'.repeat(16)]],
    ['two codings', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
    ['a coding that hides another', ['Transfer-Encoding', 'chunked, identity']],
    ['a coding that nobody knows', ['Transfer-Encoding', 'xchunked']],
    ['a coding before chunked', ['Transfer-Encoding', 'gzip, chunked']],
    ['two types', ['Content-Type', 'application/json', 'CONTENT-TYPE', 'text/plain']],
  ])('are refused, whoever parsed them, where %s', (_, rawHeaders) => {
    expect(answerTo(rawHeaders)).toBe('header_malformed');
    expect(answerTo(rawHeaders, {}, true)).toBe('header_malformed');
  });

  it('are counted and measured', () => {
    const lines = (count: number) => Array.from({ length: count * 2 }, () => 'x');
    expect(answerTo(lines(100))).toBe('allowed');
    expect(answerTo(lines(101))).toBe('headers_too_many');
    expect(answerTo(lines(3), { max: 2 })).toBe('headers_too_many');
    expect(answerTo(['x'.repeat(256), 'y'.repeat(8192)])).toBe('allowed');
    expect(answerTo(['x'.repeat(257), 'y'])).toBe('header_too_long');
    expect(answerTo(['x', 'y'.repeat(8193)])).toBe('header_too_long');
    expect(answerTo(['xx', 'y'], { maxNameLength: 1 })).toBe('header_too_long');
    expect(answerTo(['x', 'yy'], { maxValueLength: 1 })).toBe('header_too_long');
  });

  it('must be accepted by the rule of the application', () => {
    const accept = (name: string, value: string) => name !== 'X-Debug' && value !== 'evil';
    expect(answerTo(['Host', 'a'], { accept })).toBe('allowed');
    expect(answerTo(['Host', 'a', 'X-Debug', '1'], { accept }, true)).toBe('header_malformed');
    expect(answerTo(['Host', 'evil'], { accept }, true)).toBe('header_malformed');
    expect(answerTo(['Host', 'a'], { accept: (async () => true) as unknown as () => boolean })).toBe(
      'header_malformed',
    );
    const failing = () => {
      throw new Error('away');
    };
    expect(answerTo(['Host', 'a'], { accept: failing })).toBe('header_malformed');
  });

  it('are decided without a throw, and never accepted with a control character', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('x', 'y'))), (rawHeaders) => {
        if (answerTo(rawHeaders) !== 'allowed') return;
        const values = rawHeaders.filter((_, at) => at % 2 === 1 && !rawHeaders[at - 1]?.startsWith(':'));
        // oxlint-disable-next-line no-control-regex
        expect(values.join('')).not.toMatch(/[\0-\x08\n-\x1f\x7f]/);
      }),
    );
  });
});

describe("Node's parser", () => {
  const ofServer = (server: unknown, httpVersionMajor = 1) => isParserStrict({ httpVersionMajor, socket: { server } });

  it('has looked for control characters where the server leaves it as it is', () => {
    const server = createServer();
    expect(server).toBeInstanceOf(Server);
    expect(ofServer(server)).toBe(true);
    expect(ofServer(createServer({ insecureHTTPParser: false }))).toBe(true);
    expect(ofServer(undefined, 2)).toBe(true);
  });

  it('has not where it was told to be lenient, or where it was not asked at all', () => {
    expect(ofServer(createServer({ insecureHTTPParser: true }))).toBe(false);
    expect(ofServer(undefined)).toBe(false);
    expect(ofServer(null)).toBe(false);
    expect(ofServer({})).toBe(false);
    expect(isParserStrict({ httpVersionMajor: 1, socket: {} })).toBe(false);
  });
});
