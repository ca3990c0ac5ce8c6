import { expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HttpAnswer, HttpCall } from '../support/http-client.js';

type Matcher = string | number | { readonly contains: string } | { readonly regex: string };

export interface ConformanceCase {
  readonly id: string;
  readonly area: string;
  readonly given: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string | readonly string[]>>;
    readonly body?: string;
    readonly body_sent?: string;
    readonly scheme?: 'http' | 'https';
    readonly raw?: boolean;
  };
  readonly expect: {
    readonly status?: number | Matcher;
    readonly headers?: Readonly<Record<string, Matcher>>;
    readonly absentHeaders?: readonly string[];
    /** Where it is no matcher it describes the answer in words, for the specification to check. */
    readonly body?: string | Matcher;
    readonly note?: string;
  };
  readonly frameworkSpecific: boolean;
}

export const CASES = JSON.parse(readFileSync(join(__dirname, 'cases.json'), 'utf8')) as readonly ConformanceCase[];

export function caseNamed(id: string): ConformanceCase {
  const found = CASES.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`There is no case ${id}`);
  return found;
}

/** The request of a case, with what its `<…>` stand for filled in. */
export function callOf({ request }: ConformanceCase, fill: (placeholder: string) => string): HttpCall {
  const filled = (text: string) => text.replace(/<([^>]+)>/g, (_, placeholder: string) => fill(placeholder));
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? filled(value) : value.map(filled),
    ]),
  );
  const body = request.body_sent ?? request.body;
  return { method: request.method, headers, ...(body !== undefined && { body: filled(body) }) };
}

export function expectAnswer(answer: HttpAnswer, { expect: expected }: Pick<ConformanceCase, 'expect'>): void {
  if (expected.status !== undefined) expectMatch(String(answer.status), expected.status);
  for (const [name, matcher] of Object.entries(expected.headers ?? {})) {
    expectMatch(String(answer.headers[name.toLowerCase()] ?? ''), matcher);
  }
  for (const name of expected.absentHeaders ?? []) expect(answer.headers).not.toHaveProperty(name.toLowerCase());
  if (typeof expected.body === 'object') expectMatch(answer.text, expected.body);
}

function expectMatch(actual: string, matcher: number | Matcher): void {
  if (typeof matcher !== 'object') expect(actual).toBe(String(matcher));
  else if ('contains' in matcher) expect(actual).toContain(matcher.contains);
  else expect(actual).toMatch(new RegExp(matcher.regex));
}
