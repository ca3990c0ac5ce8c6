import { field, headerOf, type Answer } from './answer.js';

/** What a step promises of its answer. */
export interface Promised {
  readonly status: number;
  /** The `code` of the body: the library's and the bank's errors have one. */
  readonly code?: string;
  /** The whole of `WWW-Authenticate`. Without it, there must be none. */
  readonly challenge?: string;
  /** Header fields by their names: the whole of their values, or `undefined` for those that must not be there. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** What else holds: the words are printed, the check decides. */
  readonly and?: readonly (readonly [words: string, check: (answer: Answer) => boolean])[];
}

/** What the answer does not keep of the promise; nothing when it keeps all. */
export function brokenParts(promised: Promised, answer: Answer): string[] {
  const broken: string[] = [];
  const expect = (what: string, expected: unknown, actual: unknown) => {
    if (expected !== actual)
      broken.push(`${what} ${String(actual ?? 'missing')} instead of ${String(expected ?? 'none')}`);
  };
  expect('status', promised.status, answer.status);
  if (promised.code !== undefined) expect('code', promised.code, field(answer, 'code'));
  expect('WWW-Authenticate', promised.challenge, answer.headers['www-authenticate']);
  for (const [name, value] of Object.entries(promised.headers ?? {})) expect(name, value, headerOf(answer, name));
  for (const [words, check] of promised.and ?? []) {
    if (!check(answer)) broken.push(`not so: ${words}`);
  }
  return broken;
}

/** The promise in words, for the line behind the tick; headers that are there are printed with the answer. */
export function wordsOf({ status, code, headers = {}, and = [] }: Promised): string {
  const absent = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [`no ${name}`] : []));
  return [code === undefined ? `${status}` : `${status} ${code}`, ...absent, ...and.map(([words]) => words)].join(', ');
}
