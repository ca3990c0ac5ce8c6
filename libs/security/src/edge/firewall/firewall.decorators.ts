import { shared } from '../../core/copies.js';
import { declaration } from '../../core/declarations.js';
import type { ConfigurationProblem } from '../../core/errors.js';
import { BYTE_SIZE_FIX, byteSizeProblem } from './body-limit.js';
import { MEDIA_RANGES_FIX, mediaRangesProblem } from './content-type.policy.js';

/**
 * How large the body of a request may be here: bytes, or text such as `'1mb'` (1 kb is 1024 bytes). A larger one is
 * answered with 413, before it is read where its length is declared. Overrides `firewall.bodyLimit`, upwards too.
 *
 * @throws SecurityConfigurationError at the start, for what is no size
 */
export const BodyLimit = (size: number | string): ClassDecorator & MethodDecorator => {
  declareBody(size);
  return declaration({
    kind: 'edge',
    part: 'bodyLimit',
    value: size,
    decorator: `@BodyLimit(${JSON.stringify(size)})`,
  });
};

const bodies = shared('declared-bodies', () => ({ areDeclared: false }));

/** Takes note that some route says how large its bodies may be: where none does, nobody has to look for one. */
export function declareBody(size: unknown): void {
  bodies.areDeclared ||= size !== undefined;
}

export function isBodyLimitDeclared(): boolean {
  return bodies.areDeclared;
}

/**
 * The media types that a body may have here: `type/subtype`, `type/*` or `type/*+suffix`; any other is answered with
 * 415. Overrides `firewall.contentTypes`.
 *
 * @throws SecurityConfigurationError at the start, for what is no media type
 */
export const ContentTypes = (...types: string[]): ClassDecorator & MethodDecorator =>
  declaration({
    kind: 'edge',
    part: 'contentTypes',
    value: types,
    decorator: `@ContentTypes(${types.map((type) => JSON.stringify(type)).join(', ')})`,
  });

/** Adds what is wrong with the value of a `@BodyLimit` to `problems`. */
export function checkBodyLimit(value: unknown, where: string, problems: ConfigurationProblem[]): void {
  const problem = byteSizeProblem(value);
  if (problem !== undefined) problems.push({ where, problem: `@BodyLimit ${problem}`, fix: BYTE_SIZE_FIX });
}

/** Adds what is wrong with the value of a `@ContentTypes` to `problems`. */
export function checkContentTypes(value: unknown, where: string, problems: ConfigurationProblem[]): void {
  const problem = mediaRangesProblem(value);
  if (problem !== undefined) problems.push({ where, problem: `@ContentTypes ${problem}`, fix: MEDIA_RANGES_FIX });
}
