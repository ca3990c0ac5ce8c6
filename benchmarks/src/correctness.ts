import type { BenchServer } from './server.js';
import type { TokenSigner } from './tokens.js';

/** A server answers something else than the comparison takes for granted. */
export class CorrectnessError extends Error {
  override readonly name = 'CorrectnessError';
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function get(server: BenchServer, path: string, token?: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: await response.text() };
}

/** The body the path is answered with; throws unless it is a 200 that `accept` is content with. */
export async function expectBody(
  server: BenchServer,
  path: string,
  token: string,
  accept: (body: string) => boolean,
): Promise<string> {
  const { status, body } = await get(server, path, token);
  if (status !== 200 || !accept(body)) {
    throw new CorrectnessError(`${server.name} answered GET ${path} with ${status} and the body ${body}`);
  }
  return body;
}

/** A secured server refuses what it has to refuse: nothing is faster than a guard that is not there. */
export async function expectGuarded(server: BenchServer, path: string, signer: TokenSigner): Promise<void> {
  const valid = await signer.sign('customer');
  const cases: readonly (readonly [what: string, token: string | undefined, status: number])[] = [
    ['no token', undefined, 401],
    ['a tampered token', tamper(valid), 401],
    ['an expired token', await signer.sign('customer', -3600), 401],
    ['a token with a role that does not suffice', await signer.sign('visitor'), 403],
    ['a valid token', valid, 200],
  ];
  for (const [what, token, expected] of cases) {
    const { status } = await get(server, path, token);
    if (status !== expected) {
      throw new CorrectnessError(`${server.name} answered ${what} with ${status} instead of ${expected}`);
    }
  }
}

/** Changes one character in the middle of the signature; at its end some bits do not count. */
function tamper(token: string): string {
  const at = token.lastIndexOf('.') + 20;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}
