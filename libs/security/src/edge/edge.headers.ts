import type { ServerResponse } from 'node:http';
import type { AnswerField as HeaderEntry } from '../core/passage.js';

export type { HeaderEntry };

export type HeaderList = readonly HeaderEntry[];

/** The names that the library sends, with how they are looked up. */
const keys = new Map<string, string>();

/** @param name one of the library's own: it is remembered */
export function headerEntry(name: string, value: string): HeaderEntry {
  let key = keys.get(name);
  if (key === undefined) {
    key = name.toLowerCase();
    keys.set(name, key);
  }
  return { name, key, value };
}

export const NO_FIELDS: HeaderList = Object.freeze([]);

export function headerList(fields: readonly (readonly [name: string, value: string])[]): HeaderList {
  return fields.length === 0 ? NO_FIELDS : fields.map(([name, value]) => headerEntry(name, value));
}

/** Fields that always come together, made once. */
export interface HeaderBlock {
  readonly list: HeaderList;
  readonly keys: ReadonlySet<string>;
  /** Names in lower case and values, in turn. */
  readonly flat: readonly string[];
}

export function headerBlock(list: HeaderList): HeaderBlock {
  return {
    list,
    keys: new Set(list.map(({ key }) => key)),
    flat: list.flatMap(({ key, value }) => [key, value]),
  };
}

type FieldValue = number | string | readonly string[] | undefined;
type Given = Record<string, FieldValue>;

/** The header fields of an answer at the moment they are written. */
export interface AnswerHeaders {
  /** Adds a field, unless the application set it. */
  add(entry: HeaderEntry): void;
  /** As `add`, behind what the library itself has added. */
  addBehind(entry: HeaderEntry): void;
  /** Adds the fields of a block that the application did not set; before any other. */
  addAll(block: HeaderBlock): void;
  get(key: string): FieldValue;
  replace(entry: HeaderEntry): void;
  remove(key: string): void;
  /** True if one of these fields, in lower case, is there. */
  hasAny(names: readonly string[]): boolean;
}

/**
 * The object that Fastify hands to `writeHead`, whose names are in lower case, made into the flat list that Node writes
 * as it is, as long as nothing else was set on the response. This costs a fifth of setting fields one by one.
 */
class GivenHeaders implements AnswerHeaders {
  private flat: FieldValue[] = [];
  private isCopied = false;

  constructor(private given: Given) {}

  addAll({ list, keys: names, flat }: HeaderBlock): void {
    for (const name in this.given) {
      if (names.has(name)) return list.forEach((entry) => this.add(entry));
    }
    this.flat = flat.slice();
    return undefined;
  }

  add({ key, value }: HeaderEntry): void {
    if (this.given[key] === undefined) this.flat.push(key, value);
  }

  addBehind(entry: HeaderEntry): void {
    for (let i = 0; i < this.flat.length; i += 2) if (this.flat[i] === entry.key) return;
    this.add(entry);
  }

  get(key: string): FieldValue {
    return this.given[key];
  }

  replace({ key, value }: HeaderEntry): void {
    if (this.given[key] === undefined) this.flat.push(key, value);
    else this.copied()[key] = value;
  }

  remove(key: string): void {
    if (this.given[key] !== undefined) delete this.copied()[key];
  }

  hasAny(names: readonly string[]): boolean {
    for (let i = 0; i < names.length; i++) if (this.given[names[i] as string] !== undefined) return true;
    return false;
  }

  /** The object may be a constant of the application. */
  private copied(): Given {
    if (!this.isCopied) this.given = { ...this.given };
    this.isCopied = true;
    return this.given;
  }

  written(): FieldValue[] {
    for (const name in this.given) this.flat.push(name, this.given[name]);
    return this.flat;
  }
}

/** What `writeHead` is given beside them wins over fields of the response, whatever the case of its names. */
class ResponseHeaders implements AnswerHeaders {
  /** A copy: what the application gave may be a constant. */
  readonly given: Given | undefined;

  constructor(
    private readonly response: ServerResponse,
    given: Given | undefined,
  ) {
    this.given = given && { ...given };
  }

  addAll({ list }: HeaderBlock): void {
    for (let i = 0; i < list.length; i++) this.add(list[i] as HeaderEntry);
  }

  add({ name, key, value }: HeaderEntry): void {
    if (!this.response.hasHeader(key)) this.response.setHeader(name, value);
  }

  addBehind(entry: HeaderEntry): void {
    if (this.nameIn(entry.key) === undefined) this.add(entry);
  }

  get(key: string): FieldValue {
    const name = this.nameIn(key);
    return name === undefined ? this.response.getHeader(key) : this.given?.[name];
  }

  replace({ name, key, value }: HeaderEntry): void {
    this.removeGiven(key);
    this.response.setHeader(name, value);
  }

  remove(key: string): void {
    this.removeGiven(key);
    this.response.removeHeader(key);
  }

  hasAny(names: readonly string[]): boolean {
    for (let i = 0; i < names.length; i++) {
      const key = names[i] as string;
      if (this.response.hasHeader(key) || this.nameIn(key) !== undefined) return true;
    }
    return false;
  }

  /** In each spelling: the last one would be written. */
  private removeGiven(key: string): void {
    for (let name = this.nameIn(key); name !== undefined; name = this.nameIn(key)) delete this.given?.[name];
  }

  private nameIn(key: string): string | undefined {
    for (const name in this.given) if (name.toLowerCase() === key) return name;
    return undefined;
  }
}

type WriteHead = (this: ServerResponse, ...parameters: unknown[]) => ServerResponse;

/** What completes the fields of one answer. */
export interface HeadersCompletion {
  complete(headers: AnswerHeaders, status: number): void;
}

/**
 * Has `complete` called right before the head of the answer is written, whoever writes it: a handler, an error, a
 * stream. Whatever the application did to the fields by then is seen.
 */
export function completeHeaders(response: ServerResponse, completion: HeadersCompletion): void {
  const writeHead = response.writeHead as WriteHead;
  const completing = (status: number, reason?: unknown, fields?: unknown): ServerResponse => {
    let phrase = reason;
    let given = fields;
    if (typeof reason !== 'string' && fields === undefined) {
      phrase = undefined;
      given = reason;
    }
    if (Array.isArray(given)) given = fieldsOf(given);
    // Again where Node refused what it was given: the head that is written then is another one.
    if (!response.headersSent) {
      const headers = headersOf(response, given);
      completion.complete(headers, status);
      if (headers instanceof GivenHeaders) given = headers.written();
      else if (headers instanceof ResponseHeaders) given = headers.given;
    }
    // As many parameters as came: Node tells by their number what they are.
    if (phrase !== undefined) return writeHead.call(response, status, phrase, given);
    return given === undefined ? writeHead.call(response, status) : writeHead.call(response, status, given);
  };
  response.writeHead = completing as typeof response.writeHead;
}

function headersOf(response: ServerResponse, given: unknown): AnswerHeaders {
  if (typeof given !== 'object' || given === null) return new ResponseHeaders(response, undefined);
  const fields = given as Given;
  for (const name in fields) if (name !== name.toLowerCase()) return new ResponseHeaders(response, fields);
  return response.getHeaderNames().length === 0 ? new GivenHeaders(fields) : new ResponseHeaders(response, fields);
}

/**
 * A list of names and values in turn, under its names: Node puts a list over what is set on the response and keeps only
 * the last of lines that repeat a name, such as `Set-Cookie`.
 */
function fieldsOf(list: readonly unknown[]): Given {
  const fields = new Map<string, { readonly name: string; readonly values: string[] }>();
  // Node takes pairs as well.
  const flat = Array.isArray(list[0])
    ? (list as readonly (readonly unknown[])[]).flatMap(([name, value]) => [name, value])
    : list;
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = String(flat[i]);
    const known = fields.get(name.toLowerCase()) ?? { name, values: [] };
    fields.set(name.toLowerCase(), known);
    known.values.push(...[flat[i + 1]].flat().map(String));
  }
  return Object.fromEntries(
    Array.from(fields.values(), ({ name, values }) => [name, values.length === 1 ? values[0] : values]),
  );
}
