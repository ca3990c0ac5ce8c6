import type { IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; `undefined` where it is no JSON. */
  readonly body: unknown;
}

export function answerOf(status: number, headers: IncomingHttpHeaders, text: string): Answer {
  try {
    return { status, headers, text, body: JSON.parse(text) as unknown };
  } catch {
    return { status, headers, text, body: undefined };
  }
}

/** The value of a header field, several lines of it with commas; `undefined` where there is none. */
export function headerOf({ headers }: Answer, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return value === undefined ? undefined : [value].flat().join(', ');
}

/** A property of the body; `undefined` where there is none. */
export function field(answer: Answer, name: string): unknown {
  const { body } = answer;
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
}

/** The property of every item, where the body is a list. */
export function column(answer: Answer, name: string): unknown[] {
  return Array.isArray(answer.body) ? answer.body.map((item: Record<string, unknown>) => item[name]) : [];
}
