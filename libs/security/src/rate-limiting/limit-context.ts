import type { ExecutionContext } from '@nestjs/common';
import { Call } from '../core/call.js';
import type { Passage } from '../core/passage.js';
import type { Principal } from '../core/principal.js';
import { httpRequestOf } from '../core/request.js';
import type { RateLimitContext } from './rate-limiting.options.js';

/** What functions of limits are told of a request that passed the edge, or of one of its calls. */
export function limitContextOf(
  execution: ExecutionContext,
  principal: Principal | undefined,
  { address }: Passage,
): RateLimitContext {
  const request = httpRequestOf(execution);
  const body = fieldsOf(request.body);
  return execution instanceof Call
    ? { request, principal, address, body, args: execution.args }
    : { request, principal, address, body };
}

const NO_FIELDS: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

/** What is no object has no fields: functions of limits never meet one without a body. */
function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : NO_FIELDS;
}
