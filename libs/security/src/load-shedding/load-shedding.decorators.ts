import { declaration } from '../core/declarations.js';
import type { RoutePriority } from '../core/route-policy.js';

/**
 * How much a handler, or all handlers of a class, matter while the process has more to do than it can: `low` is shed
 * first, `critical` never. Health checks and log-outs are critical, reports and searches low. Without it: `normal`.
 *
 * @throws SecurityConfigurationError at the start, for any other word
 */
export const Priority = (priority: RoutePriority): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'priority', priority, decorator: `@Priority('${String(priority)}')` });
