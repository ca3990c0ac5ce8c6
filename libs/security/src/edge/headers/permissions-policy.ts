import type { ConfigurationProblem } from '../../core/errors.js';
import { describe, isRecord, nearestName } from '../../core/options.rules.js';
import { camelCaseOf, spellingsOf, type Spelled } from './spellings.js';

/**
 * What neither an API nor an ordinary page needs: sensors, devices, what the user sees, hears and pays with. Only names
 * that browsers know today, as they complain of others; nothing that forms, media or passkeys are made of.
 */
const OFF = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'hid',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'screen-wake-lock',
  'serial',
  'usb',
  'window-management',
  'xr-spatial-tracking',
] as const;

// The list of the W3C (webappsec-permissions-policy, features.md) and of the specifications since.
const OTHERS = [
  'ambient-light-sensor',
  'attribution-reporting',
  'autoplay',
  'battery',
  'bluetooth',
  'browsing-topics',
  'captured-surface-control',
  'clipboard-read',
  'clipboard-write',
  'compute-pressure',
  'cross-origin-isolated',
  'deferred-fetch',
  'deferred-fetch-minimal',
  'digital-credentials-get',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'identity-credentials-get',
  'keyboard-map',
  'language-detector',
  'local-network-access',
  'on-device-speech-recognition',
  'otp-credentials',
  'picture-in-picture',
  'private-state-token-issuance',
  'private-state-token-redemption',
  'publickey-credentials-create',
  'publickey-credentials-get',
  'speaker-selection',
  'storage-access',
  'summarizer',
  'sync-xhr',
  'translator',
  'unload',
  'web-share',
] as const;

/** A feature that Permissions-Policy controls. */
export type PermissionsPolicyFeature = (typeof OFF)[number] | (typeof OTHERS)[number];

/**
 * Who may use which feature, by its name in camelCase or as it stands in the header: `'self'`, `'*'` for everybody, or
 * origins such as `https://maps.example.com`; `[]` is nobody, `false` leaves the feature to the browser.
 */
export type PermissionsPolicyOptions = Spelled<PermissionsPolicyFeature, readonly string[] | false>;

const FEATURES = spellingsOf<PermissionsPolicyFeature>([...OFF, ...OTHERS]);

/** Adds what is wrong with the features to `problems`. */
export function checkPermissionsPolicy(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (!isRecord(options)) {
    problems.push({
      where: path,
      problem: `must be an object or false, not ${describe(options)}`,
      fix: "Write { geolocation: ['self'] }",
    });
    return;
  }
  const seen = new Set<PermissionsPolicyFeature>();
  for (const [spelling, allowed] of Object.entries(options)) {
    const where = `${path}.${spelling}`;
    const feature = FEATURES.get(spelling);
    if (feature === undefined) {
      problems.push({ where, problem: 'is not a feature', fix: unknownFix(spelling) });
      continue;
    }
    if (seen.has(feature)) problems.push({ where, problem: 'is given twice', fix: 'Write it once, in camelCase' });
    seen.add(feature);
    if (allowed !== undefined && allowed !== false) checkAllowed(allowed, where, problems);
  }
}

function unknownFix(spelling: string): string {
  const kebab = spelling.includes('-');
  const nearest = nearestName(
    spelling,
    [...FEATURES.keys()].filter((known) => known.includes('-') === kebab),
  );
  return nearest === undefined
    ? `Known are ${[...new Set(FEATURES.values())].map(camelCaseOf).join(', ')}`
    : `Did you mean "${nearest}"?`;
}

function checkAllowed(allowed: unknown, where: string, problems: ConfigurationProblem[]): void {
  if (!Array.isArray(allowed)) {
    problems.push({
      where,
      problem: `must be a list, not ${describe(allowed)}`,
      fix: "Write ['self'], or [] for nobody",
    });
    return;
  }
  if (allowed.includes('*') && allowed.length > 1) {
    problems.push({ where, problem: "has '*' beside others, which then mean nothing", fix: 'Keep one of the two' });
  }
  if (new Set(allowed).size < allowed.length) {
    problems.push({ where, problem: 'lists one origin twice', fix: 'List it once' });
  }
  allowed.forEach((origin: unknown, index) => {
    if (origin === 'self' || origin === '*' || isOrigin(origin)) return;
    problems.push({
      where: `${where}[${index}]`,
      problem: origin === "'self'" ? 'has quotes, as in another header' : 'is no origin',
      fix: "Write 'self', '*' or an origin such as https://maps.example.com",
    });
  });
}

// Quotes and backslashes would end the text of a structured field (RFC 9651, section 3.3.3).
const ORIGIN = /^https?:\/\/(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/;

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && ORIGIN.test(value) && URL.canParse(value) && new URL(value).origin === value;
}

/** The value of the header, or `undefined` when it controls no feature. The options have been checked. */
export function permissionsPolicyValue(options: PermissionsPolicyOptions = {}): string | undefined {
  const features = new Map<string, readonly string[]>(OFF.map((feature) => [feature, []]));
  for (const [spelling, allowed] of Object.entries(options)) {
    const feature = FEATURES.get(spelling);
    if (feature === undefined || allowed === undefined) continue;
    if (allowed === false) features.delete(feature);
    else features.set(feature, allowed);
  }
  if (features.size === 0) return undefined;
  return [...features].map(([feature, allowed]) => `${feature}=${allowList(allowed)}`).join(', ');
}

function allowList(allowed: readonly string[]): string {
  if (allowed[0] === '*') return '*';
  return `(${allowed.map((origin) => (origin === 'self' ? origin : `"${origin}"`)).join(' ')})`;
}
