import { declaration } from '../../core/declarations.js';

/**
 * Lets a handler, or all handlers of a class, be called without TLS: for probes that cannot speak it. Nothing that is
 * secret belongs there; HSTS still keeps browsers away.
 */
export function AllowHttp(): ClassDecorator & MethodDecorator {
  return declaration({ kind: 'edge', part: 'allowHttp', value: true, decorator: '@AllowHttp()' });
}
