import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { httpRequestOf, passageFor } from '../core/request.js';
import type { EdgePassage } from './edge.passage.js';

/**
 * Injects the nonce of this answer, for `<script nonce="…">` where the content security policy has the source
 * `'nonce'`: 128 random bits in base64. `undefined` where there is no HTTP request.
 */
export const CspNonce: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) => {
  if (context.getType() !== 'http') return undefined;
  return (passageFor('@CspNonce()', httpRequestOf(context)) as Partial<EdgePassage>).nonce;
});
