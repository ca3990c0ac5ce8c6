import { describe, expect, it } from '@jest/globals';
import { CASES, caseNamed } from './cases.js';
import { COVERED } from './coverage.js';
import { DECIDED } from './decisions.js';
import { PENDING, PENDING_AREAS } from './pending.js';

const covered = Object.values(COVERED).flatMap((applications) => Object.values(applications).flat());

describe('The conformance cases', () => {
  it('are each run or pending, and none is dropped or named twice', () => {
    const named = [...covered, ...Object.values(PENDING).flat()].toSorted();
    const all = CASES.filter(({ area }) => !PENDING_AREAS.includes(area as never)).map(({ id }) => id);
    expect(named).toEqual(all.toSorted());
  });

  it('leave no area pending that has none', () => {
    expect(PENDING_AREAS.filter((area) => !CASES.some((conformance) => conformance.area === area))).toEqual([]);
  });

  it.each(Object.entries(DECIDED))('%s is answered differently only where that may be', (id, decided) => {
    expect(covered).toContain(id);
    // Its source made a choice that others may make differently, or its application is not allowed to start.
    expect(caseNamed(id).frameworkSpecific || decided.refusedAtStart !== undefined).toBe(true);
    // A decision that changes nothing is none.
    expect(decided.expect !== undefined || decided.refusedAtStart !== undefined).toBe(true);
  });
});
