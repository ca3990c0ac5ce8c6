import type { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { mediaTypeOf } from '../core/http-grammar.js';

type HttpAdapter = HttpAdapterHost['httpAdapter'];

/** A layer of Express's router. */
export interface ExpressLayer {
  readonly handle?: { readonly name?: string };
}

/** What is asked of Nest's Express adapter. */
interface ParsesBodies {
  registerParserMiddleware?: (...parameters: unknown[]) => unknown;
  readonly useBodyParser?: (type: 'json' | 'urlencoded', rawBody: boolean, options: object) => void;
}

/** The parsers that Nest registers on Express, by the names of their functions. */
const PARSERS = [
  { type: 'json', mediaType: 'application/json', name: 'jsonParser' },
  { type: 'urlencoded', mediaType: 'application/x-www-form-urlencoded', name: 'urlencodedParser' },
] as const;

/** The names of the functions that Express's parsers are, whoever registered them. */
const PARSER_NAMES: ReadonlySet<string | undefined> = new Set([
  'jsonParser',
  'urlencodedParser',
  'textParser',
  'rawParser',
]);

/** Their limit, in bytes. */
export const EXPRESS_LIMIT = 102_400;

/**
 * Express's parsers have one limit each, also for what they inflate. Each other limit gets parsers of its own in front of
 * Nest's, for the requests that it holds for. A parser of the application is left alone: it may verify a signature, or
 * keep to a limit of its own.
 */
export class ExpressParsers {
  private readonly ofNest = new Set<ExpressLayer>();

  constructor(
    private readonly adapter: HttpAdapter,
    private readonly stack: () => ExpressLayer[] | undefined,
  ) {
    const parses = adapter as HttpAdapter & ParsesBodies;
    const register = parses.registerParserMiddleware;
    if (typeof register !== 'function') return;
    parses.registerParserMiddleware = (...parameters) => {
      const before = new Set(stack());
      const registered = register.apply(adapter, parameters);
      for (const layer of stack() ?? []) if (!before.has(layer)) this.ofNest.add(layer);
      return registered;
    };
  }

  /** True if there is any parser of bodies in front of all routes. */
  get areThere(): boolean {
    return this.stack()?.some(({ handle }) => PARSER_NAMES.has(handle?.name)) === true;
  }

  /**
   * @param limits every limit there is, in bytes
   * @param limitOf that of a request
   * @returns the media types whose parsers are the application's, so that no limit can be raised for them
   */
  add(limits: Iterable<number>, limitOf: (request: object) => number): readonly string[] {
    const { useBodyParser } = this.adapter as HttpAdapter & ParsesBodies;
    const stack = this.stack();
    if (useBodyParser === undefined || stack === undefined) return [];
    // Nest's own do for this one, and without a limit there is nothing to raise.
    const others = [...new Set(limits)].filter(
      (limit) => limit !== EXPRESS_LIMIT && limit !== Number.POSITIVE_INFINITY,
    );
    const foreign: string[] = [];
    for (const { type, mediaType, name } of PARSERS) {
      const parsers = stack.filter(({ handle }) => handle?.name === name);
      const nests = parsers.find((layer) => this.ofNest.has(layer));
      if (nests === undefined) {
        if (parsers.length > 0 && others.some((limit) => limit > EXPRESS_LIMIT)) foreign.push(mediaType);
        continue;
      }
      for (const limit of others) {
        const matches = (request: IncomingMessage) =>
          limitOf(request) === limit && mediaTypeOf(request.headers['content-type'] ?? '') === mediaType;
        // The bytes stay readable as `rawBody`, for applications that have Nest keep them.
        useBodyParser.call(this.adapter, type, true, { limit, extended: true, type: matches });
        stack.splice(stack.indexOf(nests), 0, stack.pop() as ExpressLayer);
      }
    }
    return foreign;
  }
}
