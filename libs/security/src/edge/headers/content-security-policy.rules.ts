import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, Known, nearestName, OptionalRule } from '../../core/options.rules.js';
import {
  type ContentSecurityPolicyOptions,
  CSP_DIRECTIVES,
  type CspDirective,
  type DangerousScriptSource,
} from './content-security-policy.js';
import { dangerousScriptSources, isDeadEnd, sourceProblem } from './csp-source.js';
import { camelCaseOf } from './spellings.js';

const DANGEROUS: readonly DangerousScriptSource[] = [
  "'unsafe-inline'",
  "'unsafe-eval'",
  'data:',
  'http:',
  'https:',
  '*',
];

const BOOLEAN = (value: unknown) =>
  typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`;

class ReportOnlyPolicyRules {
  @Known() directives?: unknown;

  @OptionalRule(BOOLEAN, 'Leave it out to start from the defaults')
  useDefaults?: unknown;

  @OptionalRule(
    (value) =>
      Array.isArray(value) && value.every((source) => (DANGEROUS as readonly unknown[]).includes(source))
        ? undefined
        : 'must be a list of sources that are dangerous',
    `Known are ${DANGEROUS.join(', ')}`,
  )
  dangerouslyAllowScripts?: unknown;

  @OptionalRule(BOOLEAN, 'Leave it out to keep default-src')
  dangerouslyWithoutDefaultSrc?: unknown;
}

class ContentSecurityPolicyRules extends ReportOnlyPolicyRules {
  @OptionalRule(BOOLEAN, 'Leave it out to enforce the policy')
  reportOnly?: unknown;
}

/** The directives that a policy names itself: a list, or `false` for one that it leaves out. */
type OwnDirectives = ReadonlyMap<CspDirective, readonly string[] | false>;

/** Adds what is wrong with a policy to `problems`. */
export function checkContentSecurityPolicy(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(ContentSecurityPolicyRules, options, path, problems);
  if (isRecord(options)) checkDirectives(options, path, problems);
}

/** As {@link checkContentSecurityPolicy}, for a policy beside the enforced one. */
export function checkReportOnlyPolicy(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(ReportOnlyPolicyRules, options, path, problems);
  if (isRecord(options)) checkDirectives(options, path, problems);
}

/**
 * Adds what is wrong with the value of `@ContentSecurityPolicy` to `problems`; `root` is the policy of the application
 * that it changes, whose own problems are reported elsewhere.
 */
export function checkPolicyOfRoute(
  value: unknown,
  where: string,
  problems: ConfigurationProblem[],
  root: unknown,
): void {
  if (value === false) return;
  checkOptions(ContentSecurityPolicyRules, value, where, problems);
  if (!isRecord(value)) return;
  checkDirectives(value, where, problems, isRecord(root) && value['useDefaults'] !== false ? root : undefined);
}

function checkDirectives(
  options: Record<string, unknown>,
  path: string,
  problems: ConfigurationProblem[],
  root?: Record<string, unknown>,
): void {
  const inherited = root === undefined ? [] : ownDirectives(root['directives'], '', []);
  const own = ownDirectives(options['directives'], `${path}.directives`, problems);
  const all: OwnDirectives = new Map([...inherited, ...own]);
  for (const [name, sources] of own) {
    if (sources !== false) checkList(name, sources, `${path}.directives.${camelCaseOf(name)}`, problems);
  }
  checkScripts(all, own, [...allowedBy(root), ...allowedBy(options)], `${path}.directives`, problems);
  checkDefaultSrc(options, own, path, problems);
}

/** The directives as they are named, without those that are malformed; what is malformed is a problem. */
function ownDirectives(directives: unknown, path: string, problems: ConfigurationProblem[]): OwnDirectives {
  const own = new Map<CspDirective, readonly string[] | false>();
  if (directives === undefined) return own;
  if (!isRecord(directives)) {
    problems.push({
      where: path,
      problem: `must be an object, not ${describe(directives)}`,
      fix: `Write { scriptSrc: ["'self'"] }`,
    });
    return own;
  }
  for (const [spelling, value] of Object.entries(directives)) {
    const where = `${path}.${spelling}`;
    const name = CSP_DIRECTIVES.get(spelling);
    if (name === undefined) problems.push({ where, ...unknownDirective(spelling) });
    else if (own.has(name)) problems.push({ where, problem: 'is given twice', fix: 'Write it once, in camelCase' });
    else if (value !== undefined) {
      const sources = listOf(name, value, where, problems);
      if (sources !== undefined) own.set(name, sources);
    }
  }
  return own;
}

const OBSOLETE: ReadonlySet<string> = new Set([
  'block-all-mixed-content',
  'navigate-to',
  'plugin-types',
  'prefetch-src',
  'referrer',
  'reflected-xss',
]);

function unknownDirective(spelling: string): Omit<ConfigurationProblem, 'where'> {
  const name = spelling.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (name === 'report-to') {
    return { problem: 'needs an endpoint that is declared', fix: 'Set headers.reporting, which adds both' };
  }
  if (OBSOLETE.has(name)) return { problem: 'is obsolete: browsers ignore it', fix: 'Leave it out' };
  const kebab = spelling.includes('-');
  const nearest = nearestName(
    spelling,
    [...CSP_DIRECTIVES.keys()].filter((known) => known.includes('-') === kebab),
  );
  return {
    problem: 'is not a directive',
    fix:
      nearest === undefined
        ? `Known are ${[...new Set(CSP_DIRECTIVES.values())].map(camelCaseOf).join(', ')}`
        : `Did you mean "${nearest}"?`,
  };
}

function listOf(
  name: CspDirective,
  value: unknown,
  where: string,
  problems: ConfigurationProblem[],
): readonly string[] | false | undefined {
  if (value === false) return false;
  const add = (problem: string, fix: string) => void problems.push({ where, problem, fix });
  const standsAlone = name === 'upgrade-insecure-requests';
  if (value === true) {
    if (standsAlone || name === 'sandbox') return [];
    return add('must list sources, not true', `Write ["'self'"], or false to leave it out`);
  }
  if (standsAlone) return add(`must be true or false, not ${describe(value)}`, 'Write true');
  if (!Array.isArray(value)) return add(`must be a list, not ${describe(value)}`, `Write ["'self'"]`);
  if (value.length === 0) {
    return add('lists nothing', name === 'sandbox' ? 'Write true' : `Write ["'none'"], or false to leave it out`);
  }
  const wrong = value.findIndex((source) => sourceProblem(name, source) !== undefined);
  if (wrong < 0) return value as readonly string[];
  value.forEach((source, index) => {
    const found = sourceProblem(name, source);
    if (found !== undefined) problems.push({ where: `${where}[${index}]`, ...found });
  });
  return undefined;
}

/** What single sources do not show. */
function checkList(
  name: CspDirective,
  sources: readonly string[],
  where: string,
  problems: ConfigurationProblem[],
): void {
  if (sources.includes("'none'") && sources.length > 1) {
    problems.push({
      where,
      problem: `has 'none' beside others, which browsers then ignore`,
      fix: 'Keep one of the two',
    });
  }
  if (new Set(sources).size < sources.length) {
    problems.push({ where, problem: 'lists one source twice', fix: 'List it once' });
  }
  if (isDeadEnd(sources)) {
    problems.push({
      where,
      problem: "has 'strict-dynamic' without a nonce or a hash, so that no script could run",
      fix: `Add "'nonce'"`,
    });
  }
}

function checkScripts(
  all: OwnDirectives,
  own: OwnDirectives,
  allowed: readonly unknown[],
  path: string,
  problems: ConfigurationProblem[],
): void {
  for (const [name, sources] of all) {
    if (sources === false) continue;
    // Scripts fall back to default-src only where there is no script-src.
    const fallsBack = name === 'default-src';
    if (fallsBack && Array.isArray(all.get('script-src'))) continue;
    // What the application's policy says is its own problem, unless the route takes script-src away from it.
    if (!own.has(name) && !(fallsBack && own.has('script-src'))) continue;
    for (const source of dangerousScriptSources(name, sources)) {
      if (allowed.includes(source)) continue;
      problems.push({
        where: `${path}.${camelCaseOf(name)}`,
        problem: `has ${source}, which lets an injected script run`,
        fix: dangerFix(source, fallsBack),
      });
    }
  }
}

function dangerFix(source: DangerousScriptSource, fallsBack: boolean): string {
  const instead = fallsBack ? 'Set scriptSrc as well' : source === "'unsafe-eval'" ? 'Leave it out' : `Use "'nonce'"`;
  return `${instead}, or accept it with dangerouslyAllowScripts: [${JSON.stringify(source)}]`;
}

function checkDefaultSrc(
  options: Record<string, unknown>,
  own: OwnDirectives,
  path: string,
  problems: ConfigurationProblem[],
): void {
  const { useDefaults, dangerouslyWithoutDefaultSrc, directives = {} } = options;
  // Malformed directives are a problem already.
  if (!isRecord(directives)) return;
  const given = Object.entries(directives).filter(([, value]) => value !== undefined);
  const names = new Set(given.map(([spelling]) => CSP_DIRECTIVES.get(spelling)));
  if (useDefaults === false && dangerouslyWithoutDefaultSrc === true) {
    if ([...own.values()].every((sources) => sources === false) && names.size === own.size) {
      problems.push({ where: path, problem: 'has no directive at all', fix: 'Name one, or write false' });
    }
    return;
  }
  const removed = own.get('default-src') === false;
  if (dangerouslyWithoutDefaultSrc !== true && (removed || (useDefaults === false && !names.has('default-src')))) {
    problems.push({
      where: `${path}.directives.defaultSrc`,
      problem: 'is left out, so that what no directive names is loaded from anywhere',
      fix: `Write defaultSrc: ["'none'"], or dangerouslyWithoutDefaultSrc: true`,
    });
  }
}

function allowedBy(options: Record<string, unknown> | undefined): readonly unknown[] {
  const allowed = options?.['dangerouslyAllowScripts'];
  return Array.isArray(allowed) ? allowed : [];
}

/** What a policy says of one directive itself: a list, `false`, or `undefined` where it says nothing that is sound. */
export function ownDirective(
  options: Pick<ContentSecurityPolicyOptions, 'directives'> | undefined,
  name: CspDirective,
): readonly string[] | false | undefined {
  return ownDirectives(options?.directives, '', []).get(name);
}
