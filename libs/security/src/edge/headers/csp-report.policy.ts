import type { CspViolation } from '../../core/events.js';
import { withoutBlanks } from '../../core/http-grammar.js';

/** The two formats: that of `report-uri` (CSP Level 3, section 5.3) and that of the Reporting API. */
export type CspReportFormat = 'application/csp-report' | 'application/reports+json';

const FORMATS: ReadonlySet<string> = new Set(['application/csp-report', 'application/reports+json']);

/** The format that a Content-Type names, or `undefined` for any other (fails closed). */
export function cspReportFormatOf(contentType: string | undefined): CspReportFormat | undefined {
  if (contentType === undefined) return undefined;
  const end = contentType.indexOf(';');
  // Browsers differ in their parameters, of which none is read.
  const type = withoutBlanks(contentType, 0, end < 0 ? undefined : end).toLowerCase();
  return FORMATS.has(type) ? (type as CspReportFormat) : undefined;
}

/** Violations taken from one body at most. */
const MAX_VIOLATIONS = 20;
/** Entries of a body looked at, as most may be reports of other kinds. */
const MAX_ENTRIES = 200;
const MAX_ADDRESS = 1024;

/**
 * The violations in a body; none where it is malformed. Anybody may send one: every text comes out as a word or as an
 * address in ASCII without control characters, and nothing else of the body comes out at all.
 */
export function cspViolationsOf(format: CspReportFormat, body: string): readonly CspViolation[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  if (format === 'application/csp-report') {
    const report = isObject(parsed) ? parsed['csp-report'] : undefined;
    const violation = isObject(report) ? fromReportUri(report) : undefined;
    return violation === undefined ? [] : [violation];
  }
  const violations: CspViolation[] = [];
  // A browser may send a single report without the list.
  const entries: readonly unknown[] = Array.isArray(parsed) ? parsed.slice(0, MAX_ENTRIES) : [parsed];
  for (const entry of entries) {
    const violation = fromReportingApi(entry);
    if (violation !== undefined) violations.push(violation);
    if (violations.length === MAX_VIOLATIONS) break;
  }
  return violations;
}

type Fields = Readonly<Record<string, unknown>>;

function fromReportUri(report: Fields): CspViolation | undefined {
  return violationOf({
    directive: report['effective-directive'] || report['violated-directive'],
    blocked: report['blocked-uri'],
    document: report['document-uri'],
    disposition: report['disposition'],
    source: report['source-file'],
    line: report['line-number'],
    status: report['status-code'],
  });
}

function fromReportingApi(entry: unknown): CspViolation | undefined {
  if (!isObject(entry) || entry['type'] !== 'csp-violation') return undefined;
  const body = entry['body'];
  if (!isObject(body)) return undefined;
  return violationOf({
    directive: body['effectiveDirective'],
    blocked: body['blockedURL'],
    document: body['documentURL'] ?? entry['url'],
    disposition: body['disposition'],
    source: body['sourceFile'],
    line: body['lineNumber'],
    status: body['statusCode'],
  });
}

interface Reported {
  readonly directive: unknown;
  readonly blocked: unknown;
  readonly document: unknown;
  readonly disposition: unknown;
  readonly source: unknown;
  readonly line: unknown;
  readonly status: unknown;
}

function violationOf(reported: Reported): CspViolation | undefined {
  const effectiveDirective = directiveOf(reported.directive);
  const documentUri = addressOf(reported.document, true);
  if (effectiveDirective === undefined || documentUri === undefined) return undefined;
  return {
    effectiveDirective,
    blockedUri: addressOf(reported.blocked, false) ?? '',
    documentUri,
    disposition: reported.disposition === 'report' ? 'report' : 'enforce',
    sourceFile: addressOf(reported.source, true),
    lineNumber: wholeNumber(reported.line, 0x7fff_ffff),
    statusCode: wholeNumber(reported.status, 999),
  };
}

const WORD = /^[a-z][a-z-]{0,39}$/;

/** Older browsers report the directive with its sources. */
function directiveOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const end = value.indexOf(' ');
  const name = end < 0 ? value : value.slice(0, end);
  return WORD.test(name) ? name : undefined;
}

// Browsers report addresses in their serialised form; a parser would drop line breaks and take what is left together.
const UNSERIALIZED = /[^\x21-\x7e\u0080-\uffff]/;

/** Schemes whose addresses have an origin and a path. */
const WITH_ORIGIN: ReadonlySet<string> = new Set(['https:', 'http:', 'wss:', 'ws:']);

/** A word as it is, an address without user, query and fragment, and without its path unless that is asked for. */
function addressOf(value: unknown, withPath: boolean): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (WORD.test(value)) return value;
  const text = value.slice(0, 2 * MAX_ADDRESS);
  if (UNSERIALIZED.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, host, pathname } = new URL(text);
  // What follows may be all of a document (data:), or the name of an extension that the user has.
  if (!WITH_ORIGIN.has(protocol)) return protocol.slice(0, MAX_ADDRESS);
  return `${protocol}//${host}${withPath ? pathname : ''}`.slice(0, MAX_ADDRESS);
}

function wholeNumber(value: unknown, largest: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest ? value : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
