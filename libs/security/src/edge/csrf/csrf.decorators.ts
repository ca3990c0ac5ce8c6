import { declaration } from '../../core/declarations.js';

/**
 * The handler, or every handler of the class, takes unsafe requests from any site: for webhooks and other callers that
 * prove themselves in another way. A session or a cookie that admits them admits the pages of others as well.
 */
export const CsrfExempt = (): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'edge', part: 'csrfExempt', value: true, decorator: '@CsrfExempt()' });
