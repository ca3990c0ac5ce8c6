import { declaration } from '../../core/declarations.js';
import type { CorsOptions } from './cors.options.js';

/**
 * Which other origins may call a handler, or all of a controller; takes the place of every CORS rule further away, and
 * nothing of it is kept. `@Cors(false)`: no other origin.
 */
export const Cors = (options: CorsOptions | false): ClassDecorator & MethodDecorator =>
  declaration({
    kind: 'edge',
    part: 'cors',
    value: options,
    decorator: options === false ? '@Cors(false)' : '@Cors()',
  });
