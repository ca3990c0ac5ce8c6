import type { ConformanceCase } from './cases.js';

interface DifferentAnswer {
  readonly reason: string;
  readonly expect: ConformanceCase['expect'];
}

/** Cases that are answered differently by decision; each was marked as a choice of its source. */
export const DECIDED: Readonly<Record<string, DifferentAnswer>> = {
  'fa-09': {
    reason: 'RFC 6749, section 5.2 gives the token endpoint 400 invalid_request, not a validation error',
    expect: { status: 400 },
  },
  'fa-10': {
    reason: 'RFC 6749, section 5.2 gives the token endpoint 400 unsupported_grant_type, not a validation error',
    expect: { status: 400 },
  },
};
