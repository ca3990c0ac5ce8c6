import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { CspViolation } from '../../core/events.js';
import { cspReportFormatOf, type CspReportFormat, cspViolationsOf } from './csp-report.policy.js';

const BY_URI = 'application/csp-report';
const BY_API = 'application/reports+json';

/** As Chromium sends it to `report-uri`. */
const REPORT = {
  'document-uri': 'https://bank.example/accounts?token=s3cret#top',
  referrer: 'https://bank.example/login?code=s3cret',
  'violated-directive': 'script-src-elem',
  'effective-directive': 'script-src-elem',
  'original-policy': "default-src 'self'; report-uri /csp",
  disposition: 'enforce',
  'blocked-uri': 'https://evil.example/x.js?stolen=s3cret',
  'line-number': 12,
  'column-number': 4,
  'source-file': 'https://bank.example/app.js?v=s3cret',
  'status-code': 200,
  'script-sample': 'alert("s3cret")',
};

/** As Chromium sends it to the endpoint of `report-to`. */
const BODY = {
  blockedURL: 'inline',
  columnNumber: 39,
  disposition: 'report',
  documentURL: 'https://bank.example/accounts?token=s3cret',
  effectiveDirective: 'script-src-elem',
  lineNumber: 7,
  originalPolicy: "default-src 'self'",
  referrer: 'https://bank.example/?code=s3cret',
  sample: 'alert("s3cret")',
  sourceFile: 'https://bank.example/accounts?token=s3cret',
  statusCode: 200,
};

const ENTRY = { age: 420, body: BODY, type: 'csp-violation', url: BODY.documentURL, user_agent: 'Mozilla/5.0' };

function byUri(report: unknown): readonly CspViolation[] {
  return cspViolationsOf(BY_URI, JSON.stringify({ 'csp-report': report }));
}

function byApi(...entries: readonly unknown[]): readonly CspViolation[] {
  return cspViolationsOf(BY_API, JSON.stringify(entries));
}

describe('a report of a violation', () => {
  it('is read as report-uri gets it', () => {
    expect(byUri(REPORT)).toEqual([
      {
        effectiveDirective: 'script-src-elem',
        blockedUri: 'https://evil.example',
        documentUri: 'https://bank.example/accounts',
        disposition: 'enforce',
        sourceFile: 'https://bank.example/app.js',
        lineNumber: 12,
        statusCode: 200,
      },
    ]);
  });

  it('is read as the Reporting API sends it', () => {
    expect(byApi(ENTRY)).toEqual([
      {
        effectiveDirective: 'script-src-elem',
        blockedUri: 'inline',
        documentUri: 'https://bank.example/accounts',
        disposition: 'report',
        sourceFile: 'https://bank.example/accounts',
        lineNumber: 7,
        statusCode: 200,
      },
    ]);
  });

  it('gives away nothing that was secret in its addresses, its sample or its policy', () => {
    expect(JSON.stringify([byUri(REPORT), byApi(ENTRY)])).not.toMatch(/s3cret|default-src|Mozilla/);
  });

  it('loses the name and password in an address', () => {
    const [violation] = byUri({ ...REPORT, 'blocked-uri': 'https://user:s3cret@evil.example:8443/x' });
    expect(violation?.blockedUri).toBe('https://evil.example:8443');
  });

  it.each([
    ['inline', 'inline'],
    ['eval', 'eval'],
    ['wasm-eval', 'wasm-eval'],
    ['trusted-types-sink', 'trusted-types-sink'],
    ['data', 'data'],
    ['data:text/html,s3cret', 'data:'],
    ['blob:https://bank.example/6b1a', 'blob:'],
    ['chrome-extension://abcdef/x.js', 'chrome-extension:'],
    ['wss://evil.example/socket?key=s3cret', 'wss://evil.example'],
    ['', ''],
    ['not an address', ''],
    ['INLINE\r\nforged: line', ''],
    [null, ''],
    [7, ''],
    [['https://evil.example'], ''],
  ])('says that %j was blocked as %j', (blocked, told) => {
    expect(byUri({ ...REPORT, 'blocked-uri': blocked })[0]?.blockedUri).toBe(told);
  });

  it.each([
    ["script-src 'self' https://cdn.example", 'script-src'],
    ['require-trusted-types-for', 'require-trusted-types-for'],
  ])('of an older browser names the directive %j as %s', (violated, directive) => {
    const { 'effective-directive': _, ...older } = REPORT;
    expect(byUri({ ...older, 'violated-directive': violated })[0]?.effectiveDirective).toBe(directive);
    expect(byUri({ ...older, 'effective-directive': '', 'violated-directive': violated })).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['no directive', { 'effective-directive': undefined, 'violated-directive': undefined }],
    ['a directive that is a line of a log', { 'effective-directive': 'script-src\n2026-01-01 login_success' }],
    ['a directive in capitals', { 'effective-directive': 'SCRIPT-SRC' }],
    ['a directive that is far too long', { 'effective-directive': 'a'.repeat(41) }],
    ['a directive that is a list', { 'effective-directive': ['script-src'] }],
    ['no document', { 'document-uri': undefined }],
    ['a document without an address', { 'document-uri': 'nowhere at all' }],
    ['a document that is an object', { 'document-uri': {} }],
  ])('counts for nothing with %s', (_, change) => {
    expect(byUri({ ...REPORT, ...change })).toEqual([]);
  });

  it.each([[-1], [1.5], ['12'], [null], [1e300], [{}]])('leaves out the line %j', (line) => {
    expect(byUri({ ...REPORT, 'line-number': line })[0]?.lineNumber).toBeUndefined();
  });

  it('encodes foreign letters of a path', () => {
    const [violation] = byUri({ ...REPORT, 'document-uri': 'https://bank.example/a\u0085\u202eb' });
    expect(violation?.documentUri).toBe('https://bank.example/a%C2%85%E2%80%AEb');
  });

  it.each(['\u0000', '\t', '\r\n', '\u001b[31m', '\u007f', ' '])('has no address with %j in it', (part) => {
    expect(byUri({ ...REPORT, 'document-uri': `https://bank.example/a${part}b` })).toEqual([]);
  });

  it('shortens an address without end', () => {
    const [violation] = byUri({ ...REPORT, 'document-uri': `https://bank.example/${'a'.repeat(50_000)}` });
    expect(violation?.documentUri).toHaveLength(1024);
  });

  it('takes enforcement for granted where a browser does not say', () => {
    expect(byUri({ ...REPORT, disposition: undefined })[0]?.disposition).toBe('enforce');
    expect(byUri({ ...REPORT, disposition: 'reporting\n' })[0]?.disposition).toBe('enforce');
  });
});

describe('a body with reports', () => {
  it('gives every violation and no report of another kind', () => {
    const crash = { type: 'crash', body: { reason: 'oom' } };
    const other = { ...ENTRY, body: { ...BODY, effectiveDirective: 'img-src' } };
    expect(byApi(crash, ENTRY, null, 7, 'x', [], other).map(({ effectiveDirective }) => effectiveDirective)).toEqual([
      'script-src-elem',
      'img-src',
    ]);
  });

  it('may be a single report', () => {
    expect(cspViolationsOf(BY_API, JSON.stringify(ENTRY))).toHaveLength(1);
  });

  it('gives 20 violations at most', () => {
    expect(byApi(...Array.from({ length: 500 }, () => ENTRY))).toHaveLength(20);
  });

  it.each<[CspReportFormat, string]>([
    [BY_URI, ''],
    [BY_URI, '{'],
    [BY_URI, 'null'],
    [BY_URI, '[]'],
    [BY_URI, '7'],
    [BY_URI, '{"csp-report":null}'],
    [BY_URI, '{"csp-report":[]}'],
    [BY_URI, '{"csp-report":"x"}'],
    [BY_URI, '{"__proto__":{"csp-report":{}}}'],
    [BY_URI, JSON.stringify([ENTRY])],
    [BY_API, JSON.stringify({ 'csp-report': REPORT })],
    [BY_API, '[{"type":"csp-violation"}]'],
    [BY_API, '[{"type":"csp-violation","body":null}]'],
    [BY_API, '['.repeat(30_000)],
    [BY_API, '['.repeat(30_000) + ']'.repeat(30_000)],
  ])('of %s gives nothing where it is %.40j', (format, body) => {
    expect(cspViolationsOf(format, body)).toEqual([]);
  });
});

describe('whatever is posted', () => {
  const address = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 60 }).map((path) => `https://a.example/${path}`),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const fields = [...Object.keys(REPORT), ...Object.keys(BODY)];
  const report = fc.record(Object.fromEntries(fields.map((name) => [name, address])), { requiredKeys: [] });
  const likely = report.map((changed) => ({ ...REPORT, ...BODY, ...changed }));
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json({ maxDepth: 5 }),
    fc.oneof(report, likely).map((value) => JSON.stringify({ 'csp-report': value })),
    fc
      .array(fc.oneof(report, likely), { maxLength: 30 })
      .map((all) => JSON.stringify(all.map((value) => ({ type: 'csp-violation', body: value })))),
  );

  it('never throws, and gives a few violations of short printable texts only', () => {
    fc.assert(
      fc.property(fc.constantFrom<CspReportFormat>(BY_URI, BY_API), body, (format, text) => {
        const violations = cspViolationsOf(format, text);
        expect(violations.length).toBeLessThanOrEqual(20);
        for (const violation of violations) {
          for (const value of Object.values(violation)) {
            if (typeof value !== 'string') continue;
            expect(value).toMatch(/^[\x21-\x7e]*$/);
            expect(value.length).toBeLessThanOrEqual(1024);
            expect(value).not.toMatch(/[?#]/);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the format of a body', () => {
  it.each([
    ['application/csp-report', BY_URI],
    ['application/reports+json', BY_API],
    ['Application/CSP-Report; charset=utf-8', BY_URI],
    [' application/reports+json ;x', BY_API],
  ])('is known by %j', (type, format) => {
    expect(cspReportFormatOf(type)).toBe(format);
  });

  it.each([
    undefined,
    '',
    ';',
    'application/json',
    'text/plain',
    'application/csp-report, application/json',
    'application/csp-reports',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
  ])('is not known by %j', (type) => {
    expect(cspReportFormatOf(type)).toBeUndefined();
  });
});
