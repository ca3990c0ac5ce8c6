import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkJwtOptions, jwtAdvice } from './jwt.rules.js';
import type { JwtOptions } from './jwt.options.js';
import { pemOf, signingKey } from './testing/tokens.js';

const { publicKey, privateKey } = signingKey('RS256');
const PUBLIC = pemOf(publicKey);
const PRIVATE = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const ENCRYPTED = privateKey
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'of the test' })
  .toString();
const JWK = JSON.stringify(createPublicKey(PUBLIC).export({ format: 'jwk' }));
const DER = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');

const trusting = { issuer: 'https://issuer.example', audience: 'ledger', algorithms: ['RS256'] };
const sharing = { ...trusting, algorithms: ['HS256'] };

function linesOf(options: object): string[] {
  const problems: ConfigurationProblem[] = [];
  checkJwtOptions(options, 'jwt', problems);
  return problems.map(({ where, problem, fix }) => `${where}: ${problem}. ${fix}`);
}

/** Any twelve characters of a key in a row would help whoever reads the log to find it elsewhere. */
function repeats(line: string, value: unknown): boolean {
  const text = typeof value === 'string' ? value.replace(/-----[^-]+-----|\\n|\s/g, '') : '';
  for (let at = 0; at + 12 <= text.length; at++) if (line.includes(text.slice(at, at + 12))) return true;
  return false;
}

describe('A key that is not one', () => {
  it.each<[string, unknown, string, string]>([
    ['a variable that is not set', undefined, 'is missing', 'environment variable'],
    ['a variable that is empty', '', 'is empty', 'environment variable'],
    ['white space', ' \n', 'is empty', 'environment variable'],
    ['the text "undefined"', 'undefined', 'is the text "undefined"', 'environment variable'],
    ['the text of an object', '[object Object]', 'is the text "[object Object]"', 'environment variable'],
    ['a URL', new URL('https://id.example/jwks.json'), 'is a URL', 'createRemoteJWKSet'],
    ['a URL as text', 'https://id.example/jwks.json', 'a URL', 'createRemoteJWKSet'],
    ['a promise', Promise.resolve(PUBLIC), 'is a promise', 'forRootAsync'],
    ['the text of a JWK', JWK, 'is the text of a JWK', 'JSON.parse'],
    ['a PEM in base64', Buffer.from(PUBLIC).toString('base64'), 'is a PEM in base64', 'Buffer.from'],
    ['a PEM with escaped line breaks', PUBLIC.replaceAll('\n', '\\n'), 'without line breaks', 'replaceAll'],
    ['a PEM on one line', PUBLIC.replaceAll('\n', ' '), 'without line breaks', 'quote the variable'],
    ['a PEM in quotation marks', `"${PUBLIC}"`, 'in quotation marks', 'Remove the marks'],
    ['a PEM on one line in quotation marks', `'${PUBLIC.replaceAll('\n', '\\n')}'`, 'in quotation marks', 'Remove'],
    ['an encrypted private key', ENCRYPTED, 'is an encrypted private key', 'openssl pkey'],
    ['a key of OpenSSH', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ me@host', 'of OpenSSH', 'ssh-keygen'],
    ['base64 without its lines', DER, 'without its first and last line', '-----BEGIN PUBLIC KEY-----'],
    ['the path of a file', './keys/public.pem', 'the path of a file', 'readFileSync'],
    ['a pair of keys', generateKeyPairSync('ed25519'), 'holds a key', 'publicKey'],
    ['any other text', 'top-secret-text-of-somebody', 'is text and no PEM', 'as PEM text'],
  ])('is named where it is %s, with what to write instead', (_, key, problem, fix) => {
    const [line, ...others] = linesOf({ ...trusting, key });
    expect(others).toEqual([]);
    expect(line).toMatch(/^jwt\.key: /);
    expect(line).toContain(problem);
    expect(line).toContain(fix);
    expect(repeats(line as string, key === './keys/public.pem' ? undefined : key)).toBe(false);
  });

  it('is none of these where it is a key', () => {
    for (const key of [PUBLIC, publicKey, `\n${PUBLIC}\n`, createPrivateKey(PRIVATE)]) {
      expect(linesOf({ ...trusting, key })).toEqual([]);
    }
  });
});

describe('A secret that is not one', () => {
  it.each<[string, unknown, string, string]>([
    ['a variable that is not set', undefined, 'is missing', 'environment variable'],
    ['a variable that is empty', '', 'is empty', 'environment variable'],
    ['the text "undefined"', 'undefined', 'is the text "undefined"', 'environment variable'],
    ['the bytes of that text', Buffer.from('undefined'), 'is the text "undefined"', 'environment variable'],
    ['a promise', Promise.resolve('a'.repeat(64)), 'is a promise', 'forRootAsync'],
  ])('is named where it is %s, with what to write instead', (_, secret, problem, fix) => {
    const [line, ...others] = linesOf({ ...sharing, secret });
    expect(others).toEqual([]);
    expect(line).toMatch(/^jwt\.secret: /);
    expect(line).toContain(problem);
    expect(line).toContain(fix);
  });
});

describe('A private key', () => {
  it.each([
    ['PEM', PRIVATE],
    ['JWK', privateKey.export({ format: 'jwk' })],
    ['KeyObject', privateKey],
  ])('is advised against as %s, and not repeated', (_, key) => {
    const [advice, ...others] = jwtAdvice({ ...trusting, key } as JwtOptions);
    expect(others).toEqual([]);
    expect(advice).toMatchObject({
      where: 'authentication.jwt.key',
      fix: expect.stringContaining('public half'),
    });
    expect(repeats(JSON.stringify(advice), PRIVATE)).toBe(false);
  });
});
