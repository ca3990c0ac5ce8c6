import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nearestName } from './options.rules.js';

describe('The nearest name', () => {
  it('is never the name that was given', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (name, others) => {
        expect(nearestName(name, [...others, name])).toBeUndefined();
        expect(nearestName(name, others)).not.toBe(name);
      }),
    );
  });

  it('may be the same name in other letters', () => {
    expect(nearestName('Mine', ['mine', 'yours'])).toBe('mine');
  });
});
