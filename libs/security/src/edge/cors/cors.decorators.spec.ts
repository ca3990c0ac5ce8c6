import { describe, expect, it } from '@jest/globals';
import { ownDeclarations } from '../../core/declarations.js';
import { Cors } from './cors.decorators.js';

describe('@Cors()', () => {
  const options = { origins: ['https://app.example.com'] };

  @Cors(options)
  class Accounts {
    @Cors(false)
    list(): void {}
  }

  it('records the options of a controller', () => {
    expect(ownDeclarations(Accounts).get(undefined)).toEqual([
      { kind: 'edge', part: 'cors', value: options, decorator: '@Cors()' },
    ]);
  });

  it('records that a handler has none', () => {
    expect(ownDeclarations(Accounts.prototype).get('list')).toEqual([
      { kind: 'edge', part: 'cors', value: false, decorator: '@Cors(false)' },
    ]);
  });
});
