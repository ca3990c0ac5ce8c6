import { describe, expect, it } from '@jest/globals';
import { ownDeclarations } from '../../core/declarations.js';
import { ClearSiteData, ContentSecurityPolicy } from './headers.decorators.js';

@ContentSecurityPolicy(false)
class Pages {
  @ContentSecurityPolicy({ directives: { scriptSrc: ["'nonce'"] } })
  page(): void {}

  @ClearSiteData()
  logout(): void {}

  @ClearSiteData('cookies', 'storage')
  leave(): void {}
}

describe('the decorators of headers', () => {
  it('record the policy of a class and of a method', () => {
    expect(ownDeclarations(Pages).get(undefined)).toEqual([
      { kind: 'edge', part: 'csp', value: false, decorator: '@ContentSecurityPolicy(false)' },
    ]);
    expect(ownDeclarations(Pages.prototype).get('page')).toEqual([
      {
        kind: 'edge',
        part: 'csp',
        value: { directives: { scriptSrc: ["'nonce'"] } },
        decorator: '@ContentSecurityPolicy({…})',
      },
    ]);
  });

  it('clear what may tell of the user where nothing is named', () => {
    expect(ownDeclarations(Pages.prototype).get('logout')).toEqual([
      { kind: 'edge', part: 'clearSiteData', value: ['cache', 'cookies', 'storage'], decorator: '@ClearSiteData()' },
    ]);
  });

  it('clear what is named', () => {
    expect(ownDeclarations(Pages.prototype).get('leave')).toEqual([
      {
        kind: 'edge',
        part: 'clearSiteData',
        value: ['cookies', 'storage'],
        decorator: '@ClearSiteData("cookies", "storage")',
      },
    ]);
  });
});
