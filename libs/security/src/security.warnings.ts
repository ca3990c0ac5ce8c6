import { isRecord } from './core/options.rules.js';
import { edgeWarnings } from './edge/edge.options.js';
import { bansWarnings } from './rate-limiting/bans/bans.options.js';
import type { SecurityOptions } from './security.options.js';

/**
 * What the options weaken, in words for the log at every start. Each sentence holds whatever the other options say; what holds
 * for some handlers alone is for the route compiler to say.
 */
export function optionWarnings(options: SecurityOptions, isProduction: boolean): readonly string[] {
  return [
    ...dangerousOptions(options).map((option) => `${option} is switched on`),
    ...recordingParts(options),
    ...edgeWarnings(options, isProduction),
    ...bansWarnings(options, isProduction),
  ];
}

/** The options that weaken what tokens are held to; they are named in production as well. */
function dangerousOptions({ authentication }: SecurityOptions): readonly string[] {
  const jwt = authentication?.jwt;
  if (jwt === undefined) return [];
  const path = 'authentication.jwt';
  const issuers =
    jwt.issuers === undefined
      ? [{ place: path, issuer: jwt }]
      : jwt.issuers.map((issuer, index) => ({ place: `${path}.issuers[${index}]`, issuer }));
  return [
    ...(jwt.dangerouslyAllowMissingExpiry === true ? [`${path}.dangerouslyAllowMissingExpiry`] : []),
    ...issuers
      .filter(({ issuer }) => issuer.dangerouslyAcceptAnyAudience === true)
      .map(({ place }) => `${place}.dangerouslyAcceptAnyAudience`),
  ];
}

function recordingParts({ rateLimit, lockout, loadShedding }: SecurityOptions): readonly string[] {
  return [
    ...(isRecord(rateLimit) && rateLimit['enforcement'] === 'report'
      ? ['rateLimit only records who asks for too much']
      : []),
    ...(lockout?.enforcement === 'report' ? ['lockout only records whom it would lock out'] : []),
    ...(loadShedding?.enforcement === 'report' ? ['loadShedding only records what it would shed'] : []),
  ];
}
