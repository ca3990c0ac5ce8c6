/** Cases that wait for the feature that will bring them. */
export const PENDING: Readonly<Record<string, readonly string[]>> = {
  'opaque tokens (RFC 7662)': ['bearer-30'],
  'protected resource metadata (RFC 9728)': ['bearer-36'],
  'API keys': ['fa-01', 'fa-02'],
  'HTTP Basic': ['fa-07', 'fa-08'],
  'password reset': ['fa-16', 'fa-17'],
  'DPoP (RFC 9449)': ['dpop-01', 'dpop-02', 'dpop-03', 'dpop-04', 'dpop-08', 'dpop-09', 'dpop-10', 'dpop-12'],
  'checks on the result': ['authz-09', 'authz-11'],
  'step-up (RFC 9470)': ['authz-12'],
};

/** Areas that no feature covers yet. */
export const PENDING_AREAS = ['errors', 'openapi'] as const;
