import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { httpRequestOf, passageOf } from '../core/request.js';
import { EdgePassage } from './edge.passage.js';

/**
 * Injects the nonce of this answer, for `<script nonce="…">` where the content security policy has the source
 * `'nonce'`: 128 random bits in base64. `undefined` where there is no HTTP request.
 */
export const CspNonce: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const passage = context.getType() === 'http' ? passageOf(httpRequestOf(context)) : undefined;
  return passage instanceof EdgePassage ? passage.nonce : undefined;
});
