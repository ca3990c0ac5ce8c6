import { nearestName } from '../../core/options.rules.js';
import { type CspDirective, type DangerousScriptSource, NONCE_SOURCE } from './content-security-policy.js';

/** What is wrong with one entry of a list, and what mends it. */
export interface SourceProblem {
  readonly problem: string;
  readonly fix: string;
}

const SCRIPT_DIRECTIVES: ReadonlySet<CspDirective> = new Set([
  'default-src',
  'script-src',
  'script-src-attr',
  'script-src-elem',
]);

const NONCE_DIRECTIVES: ReadonlySet<CspDirective> = new Set([
  'default-src',
  'script-src',
  'script-src-elem',
  'style-src',
  'style-src-elem',
]);

const EVERYWHERE = ["'self'", "'none'"] as const;
const FOR_STYLES = [...EVERYWHERE, "'unsafe-inline'", "'unsafe-hashes'", "'report-sample'"] as const;
const FOR_SCRIPTS = [
  ...FOR_STYLES,
  "'unsafe-eval'",
  "'wasm-unsafe-eval'",
  "'trusted-types-eval'",
  "'strict-dynamic'",
  "'inline-speculation-rules'",
] as const;

const UNQUOTED_KEYWORDS: ReadonlySet<string> = new Set([...FOR_SCRIPTS, NONCE_SOURCE].map((word) => word.slice(1, -1)));

const SANDBOX_TOKENS: ReadonlySet<string> = new Set([
  'allow-downloads',
  'allow-forms',
  'allow-modals',
  'allow-orientation-lock',
  'allow-pointer-lock',
  'allow-popups',
  'allow-popups-to-escape-sandbox',
  'allow-presentation',
  'allow-same-origin',
  'allow-scripts',
  'allow-storage-access-by-user-activation',
  'allow-top-navigation',
  'allow-top-navigation-by-user-activation',
  'allow-top-navigation-to-custom-protocols',
]);

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
// The digest as the browser computes it, padding included: it compares texts.
const HASH = /^'(?:sha256-[A-Za-z0-9+/_-]{43}=|sha384-[A-Za-z0-9+/_-]{64}|sha512-[A-Za-z0-9+/_-]{86}==)'$/;
const HASH_OR_NONCE_BEGINS = /^'?(?:nonce|sha256|sha384|sha512)-/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:$/i;
const HOST =
  /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?:\d{1,5}|\*))?(?:\/[^?#'"\\]*)?$/i;
const ANY_HOST = /^(?:[a-z]+:\/\/)?\*(?::(?:\d{1,5}|\*))?(?:\/|$)/i;
const TRUSTED_TYPE = /^[A-Za-z0-9#=_/@.%-]+$/;
const TRUSTED_TYPE_WORDS: ReadonlySet<string> = new Set(['*', "'none'", "'allow-duplicates'"]);

/** What is wrong with one entry of a directive's list, or `undefined`. */
export function sourceProblem(directive: CspDirective, source: unknown): SourceProblem | undefined {
  if (typeof source !== 'string' || source === '') {
    return { problem: 'is no source', fix: 'List texts that are not empty' };
  }
  if (/[;,\r\n]/.test(source)) {
    return {
      problem: 'holds a character that ends the directive, the policy or the header',
      fix: 'Give each directive and each source its own entry',
    };
  }
  if (/\s/.test(source)) return { problem: 'holds a space', fix: 'Give each source an entry of its own' };
  if (!VISIBLE_ASCII.test(source)) {
    return { problem: 'holds a character that no header may hold', fix: 'Write hosts in punycode, paths %-encoded' };
  }
  switch (directive) {
    case 'sandbox':
      return SANDBOX_TOKENS.has(source) ? undefined : notAmong('flag of a sandbox', source, SANDBOX_TOKENS);
    case 'require-trusted-types-for':
      return source === "'script'" ? undefined : { problem: 'is not known', fix: `Give ["'script'"]` };
    case 'trusted-types':
      return TRUSTED_TYPE_WORDS.has(source) || TRUSTED_TYPE.test(source)
        ? undefined
        : { problem: 'is no name of a policy', fix: 'Use letters, digits and - # = _ / @ . %' };
    case 'report-uri':
      return isReportUri(source) ? undefined : { problem: 'is no address', fix: 'Give a path, or an https:// address' };
    default:
      return source.startsWith("'") || UNQUOTED_KEYWORDS.has(source.toLowerCase()) || HASH_OR_NONCE_BEGINS.test(source)
        ? keywordProblem(directive, source)
        : addressProblem(source);
  }
}

function keywordProblem(directive: CspDirective, source: string): SourceProblem | undefined {
  if (!source.startsWith("'")) {
    return {
      problem: 'is a keyword without quotes, which browsers take for a host',
      fix: `Write "'${wordOf(source)}'"`,
    };
  }
  if (source === NONCE_SOURCE) {
    return NONCE_DIRECTIVES.has(directive)
      ? undefined
      : { problem: 'asks for a nonce where none is looked at', fix: 'Use it for scripts and styles' };
  }
  if (/^'nonce-/i.test(source)) {
    return { problem: 'is a nonce that never changes, which anybody can learn', fix: `Write "${NONCE_SOURCE}"` };
  }
  const keywords: readonly string[] = keywordsOf(directive);
  if (HASH_OR_NONCE_BEGINS.test(source)) {
    if (keywords === EVERYWHERE)
      return { problem: 'is a hash where none is looked at', fix: 'Use it for scripts and styles' };
    return HASH.test(source)
      ? undefined
      : { problem: 'is no hash', fix: "Write 'sha256-…', 'sha384-…' or 'sha512-…' with the whole digest in base64" };
  }
  return keywords.includes(source) ? undefined : notAmong(`keyword of ${directive}`, source, keywords);
}

/** What to write between the quotes; a nonce or a hash is not repeated. */
function wordOf(source: string): string {
  return HASH_OR_NONCE_BEGINS.test(source) ? `${source.slice(0, source.indexOf('-'))}-…` : source.toLowerCase();
}

function keywordsOf(directive: CspDirective): readonly string[] {
  if (SCRIPT_DIRECTIVES.has(directive)) return FOR_SCRIPTS;
  return directive.startsWith('style-src') ? FOR_STYLES : EVERYWHERE;
}

function addressProblem(source: string): SourceProblem | undefined {
  if (/^javascript:/i.test(source)) {
    return { problem: 'is a scheme that no directive matches', fix: 'Leave it out' };
  }
  if (/^(?:data|blob|https?|wss?|filesystem|mediastream)$/i.test(source)) {
    return { problem: 'is a scheme without its colon, which browsers take for a host', fix: 'End it with a colon' };
  }
  if (SCHEME.test(source) || HOST.test(source)) return undefined;
  return /[?#]/.test(source)
    ? { problem: 'has a query or a fragment, which browsers do not compare', fix: 'Leave out what follows the path' }
    : { problem: 'is neither a scheme nor a host', fix: 'Write https://cdn.example.com, *.example.com or data:' };
}

function isReportUri(source: string): boolean {
  if (source.startsWith('/') && !source.startsWith('//')) return !/["'\\]/.test(source);
  return /^https:\/\/[^"'\\]+$/.test(source) && URL.canParse(source);
}

function notAmong(what: string, given: string, known: Iterable<string>): SourceProblem {
  const nearest = nearestName(given, known);
  return {
    problem: `is no ${what}`,
    fix: nearest === undefined ? `Known are ${[...known].join(', ')}` : `Did you mean "${nearest}"?`,
  };
}

/**
 * The sources of a list that let an injected script run, where the directive is about scripts. Browsers that know a
 * nonce, a hash or `'strict-dynamic'` ignore some of them beside it (CSP Level 3, section 8.2).
 */
export function dangerousScriptSources(
  directive: CspDirective,
  sources: readonly string[],
): readonly DangerousScriptSource[] {
  if (!SCRIPT_DIRECTIVES.has(directive)) return [];
  const strict = sources.includes("'strict-dynamic'");
  const dangers = new Set<DangerousScriptSource>();
  for (const source of sources) {
    const written = source.toLowerCase();
    if (written === "'unsafe-eval'") dangers.add(written);
    else if (written === "'unsafe-inline'" && !strict && !sources.some(isNonceOrHash)) dangers.add(written);
    else if ((written === 'data:' || written === 'http:' || written === 'https:') && !strict) dangers.add(written);
    else if (ANY_HOST.test(written) && !strict) dangers.add('*');
  }
  return [...dangers];
}

/** True when `'strict-dynamic'` stands without a nonce or a hash: no script could ever run. */
export function isDeadEnd(sources: readonly string[]): boolean {
  return sources.includes("'strict-dynamic'") && !sources.some(isNonceOrHash);
}

function isNonceOrHash(source: string): boolean {
  return source === NONCE_SOURCE || HASH.test(source);
}
