import { declaration } from '../../core/declarations.js';
import { CLEAR_SITE_DATA_DEFAULT, type ClearSiteDataType } from './clear-site-data.js';
import type { ContentSecurityPolicyOptions } from './content-security-policy.js';

/**
 * Changes the Content-Security-Policy of a handler or a controller: what it does not name is as in the application's
 * policy, unless `useDefaults` is `false`. `false` sends no policy.
 *
 * A source that is malformed, or a directive that is not known, stops the start.
 */
export const ContentSecurityPolicy = (
  options: ContentSecurityPolicyOptions | false,
): ClassDecorator & MethodDecorator =>
  declaration({
    kind: 'edge',
    part: 'csp',
    value: options,
    decorator: `@ContentSecurityPolicy(${options === false ? 'false' : '{…}'})`,
  });

/**
 * Tells the browser to forget what it keeps of the site, over HTTPS; for logging out. Without arguments: `'cache'`,
 * `'cookies'` and `'storage'`.
 *
 * `'*'` beside others stops the start.
 */
export const ClearSiteData = (...types: ClearSiteDataType[]): ClassDecorator & MethodDecorator =>
  declaration({
    kind: 'edge',
    part: 'clearSiteData',
    value: types.length === 0 ? CLEAR_SITE_DATA_DEFAULT : types,
    decorator: `@ClearSiteData(${types.map((type) => JSON.stringify(type)).join(', ')})`,
  });
