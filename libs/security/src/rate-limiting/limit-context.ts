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
  return execution instanceof Call
    ? { request, principal, address, args: execution.args }
    : { request, principal, address };
}
