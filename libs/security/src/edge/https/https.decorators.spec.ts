import { describe, expect, it } from '@jest/globals';
import { ownDeclarations } from '../../core/declarations.js';
import { AllowHttp } from './https.decorators.js';

@AllowHttp()
class Probes {
  @AllowHttp()
  live(): string {
    return 'live';
  }
}

const DECLARED = { kind: 'edge', part: 'allowHttp', value: true, decorator: '@AllowHttp()' };

describe('@AllowHttp()', () => {
  it('is recorded for a class and for a handler', () => {
    expect(ownDeclarations(Probes).get(undefined)).toEqual([DECLARED]);
    expect(ownDeclarations(Probes.prototype).get('live')).toEqual([DECLARED]);
  });
});
