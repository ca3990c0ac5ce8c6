import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ConfigurationProblem } from '../../core/errors.js';
import {
  compileCsp,
  type ContentSecurityPolicyOptions,
  type CspDirectives,
  CSP_DIRECTIVES,
  defaultDirectives,
  directivesOf,
} from './content-security-policy.js';
import { checkContentSecurityPolicy } from './content-security-policy.rules.js';
import { camelCaseOf } from './spellings.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkContentSecurityPolicy(options, 'csp', problems);
  return problems;
}

function problemsWith(directives: object, others: object = {}): ConfigurationProblem[] {
  return problemsOf({ directives, ...others });
}

function policy(options: ContentSecurityPolicyOptions): string {
  expect(problemsOf(options)).toEqual([]);
  return compileCsp(directivesOf(options, defaultDirectives('web')), false, undefined)?.value('NONCE') ?? '';
}

/** The policy as a browser reads it: directives by name, of each the first (CSP Level 3, section 2.2.1). */
function readByBrowser(header: string): Map<string, readonly string[]> {
  const directives = new Map<string, readonly string[]>();
  const [first = ''] = header.split(',');
  for (const part of first.split(';')) {
    const [name = '', ...sources] = part.trim().split(/[\t\n\f\r ]+/);
    if (name !== '' && !directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources);
  }
  return directives;
}

const DIGEST = 'RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=';

describe('a directive', () => {
  it('may be written in camelCase and as it stands in the header', () => {
    for (const [spelling, name] of CSP_DIRECTIVES) {
      if (spelling !== name) expect(camelCaseOf(name)).toBe(spelling);
    }
    expect(policy({ directives: { scriptSrcElem: ["'self'"] } })).toBe(
      policy({ directives: { 'script-src-elem': ["'self'"] } }),
    );
  });

  it('keeps its place among the defaults', () => {
    expect(policy({ directives: { workerSrc: ["'self'"], imgSrc: ["'none'"] } })).toBe(
      "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'none';object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests;worker-src 'self'",
    );
  });

  it.each([
    ['scritpSrc', 'scriptSrc'],
    ['script-scr', 'script-src'],
    ['frameAncestor', 'frameAncestors'],
    ['upgrade-insecure-request', 'upgrade-insecure-requests'],
  ])('that is misspelt %s is refused: is %s meant?', (given, meant) => {
    expect(problemsWith({ [given]: ["'self'"] })).toEqual([
      { where: `csp.directives.${given}`, problem: 'is not a directive', fix: `Did you mean "${meant}"?` },
    ]);
  });

  it.each(['blockAllMixedContent', 'plugin-types', 'prefetchSrc', 'navigate-to'])('%s is obsolete', (name) => {
    expect(problemsWith({ [name]: ["'self'"] })).toEqual([
      expect.objectContaining({ problem: 'is obsolete: browsers ignore it' }),
    ]);
  });

  it.each(['reportTo', 'report-to'])('%s is set by reporting', (name) => {
    expect(problemsWith({ [name]: ['csp'] })[0]?.fix).toContain('headers.reporting');
  });

  it.each(['Script-Src', 'SCRIPT-SRC', 'script_src', '', ' script-src', '__proto__x', 'script-src;img-src'])(
    'may not be called %j',
    (name) => {
      expect(problemsWith({ [name]: ["'self'"] })).toHaveLength(1);
    },
  );

  it('may not be given in both spellings', () => {
    expect(problemsWith({ imgSrc: ['*'], 'img-src': ["'self'"] })).toEqual([
      { where: 'csp.directives.img-src', problem: 'is given twice', fix: 'Write it once, in camelCase' },
    ]);
  });

  it.each<[object, string]>([
    [{ imgSrc: "'self'" }, 'csp.directives.imgSrc'],
    [{ imgSrc: [] }, 'csp.directives.imgSrc'],
    [{ imgSrc: true }, 'csp.directives.imgSrc'],
    [{ imgSrc: null }, 'csp.directives.imgSrc'],
    [{ imgSrc: {} }, 'csp.directives.imgSrc'],
    [{ imgSrc: new Set(["'self'"]) }, 'csp.directives.imgSrc'],
    [{ imgSrc: [["'self'"]] }, 'csp.directives.imgSrc[0]'],
    [{ imgSrc: ["'self'", () => "'self'"] }, 'csp.directives.imgSrc[1]'],
    [{ imgSrc: ["'self'", ''] }, 'csp.directives.imgSrc[1]'],
    [{ imgSrc: ["'self'", "'self'"] }, 'csp.directives.imgSrc'],
    [{ imgSrc: ["'none'", 'https://a.example'] }, 'csp.directives.imgSrc'],
    [{ sandbox: [] }, 'csp.directives.sandbox'],
    [{ sandbox: ['allow-everything'] }, 'csp.directives.sandbox[0]'],
    [{ upgradeInsecureRequests: [] }, 'csp.directives.upgradeInsecureRequests'],
    [{ upgradeInsecureRequests: 'yes' }, 'csp.directives.upgradeInsecureRequests'],
    [{ requireTrustedTypesFor: ['script'] }, 'csp.directives.requireTrustedTypesFor[0]'],
    [{ trustedTypes: ['a!b'] }, 'csp.directives.trustedTypes[0]'],
    [{ reportUri: ['//evil.example/csp'] }, 'csp.directives.reportUri[0]'],
    [{ reportUri: ['http://reports.example/csp'] }, 'csp.directives.reportUri[0]'],
    [{ reportUri: ['javascript:alert(1)'] }, 'csp.directives.reportUri[0]'],
  ])('is refused as %j', (directives, where) => {
    expect(problemsWith(directives)).toEqual([expect.objectContaining({ where })]);
  });

  it.each<object>([
    { sandbox: true },
    { sandbox: ['allow-scripts', 'allow-forms'] },
    { upgradeInsecureRequests: false },
    { requireTrustedTypesFor: ["'script'"] },
    { trustedTypes: ['default', 'dompurify', "'allow-duplicates'"] },
    { trustedTypes: ["'none'"] },
    { reportUri: ['/csp', 'https://reports.example/csp?project=1'] },
    { imgSrc: undefined },
  ])('is accepted as %j', (directives) => {
    expect(problemsWith(directives)).toEqual([]);
  });

  it.each<unknown>(['x', [], null, 7])('cannot be found in directives that are %j', (directives) => {
    expect(problemsOf({ directives })).toEqual([expect.objectContaining({ where: 'csp.directives' })]);
  });
});

describe('a source', () => {
  it.each([
    '*',
    '*.example.com',
    'example.com',
    'localhost:3000',
    'example.com:*',
    'https://example.com',
    'https://*.example.com:8443/path/to.js',
    'wss://example.com',
    'https:',
    'data:',
    'blob:',
    'xn--bcher-kva.example',
    '127.0.0.1:8080',
    "'self'",
  ])('may be %s', (source) => {
    expect(problemsWith({ connectSrc: [source] })).toEqual([]);
  });

  it.each([
    ['self', `Write "'self'"`],
    ['NONE', `Write "'none'"`],
    ['unsafe-inline', `Write "'unsafe-inline'"`],
    ['strict-dynamic', `Write "'strict-dynamic'"`],
    ['nonce', `Write "'nonce'"`],
    ['nonce-abc', `Write "'nonce-…'"`],
    [`sha256-${DIGEST}`, `Write "'sha256-…'"`],
  ])('that is a keyword needs its quotes: %s', (source, fix) => {
    expect(problemsWith({ scriptSrc: [source] })).toEqual([
      { where: 'csp.directives.scriptSrc[0]', problem: expect.stringContaining('without quotes'), fix },
    ]);
  });

  it.each([
    "'Self'",
    "'UNSAFE-INLINE'",
    "'slef'",
    "'",
    "''",
    "'self",
    '"self"',
    "'nonce-r4nd0m'",
    "'NONCE-r4nd0m'",
    "'sha256-abc'",
    `'sha256-${DIGEST.slice(0, -1)}'`,
    `'sha384-${DIGEST}'`,
    `'sha1-${DIGEST}'`,
    'javascript:',
    'data',
    'https',
    'https://',
    '*.*.example.com',
    'a.*.example.com',
    'https://example.com?x=1',
    'https://example.com/a#b',
    'https://user@example.com',
    '[::1]',
    'exa mple.com',
    ' https://example.com',
    "'self' https://evil.example",
    '-->',
    '/path',
    'https://a.example/é',
    'https://bücher.example',
  ])('may not be %j', (source) => {
    expect(problemsWith({ scriptSrc: [source] })).toEqual([
      expect.objectContaining({ where: 'csp.directives.scriptSrc[0]' }),
    ]);
  });

  it.each([
    ['imgSrc', "'unsafe-inline'"],
    ['connectSrc', "'strict-dynamic'"],
    ['styleSrc', "'unsafe-eval'"],
    ['frameAncestors', "'nonce'"],
    ['imgSrc', "'nonce'"],
    ['scriptSrcAttr', "'nonce'"],
    ['imgSrc', `'sha256-${DIGEST}'`],
  ])('of %s may not be %s, which means nothing there', (directive, source) => {
    expect(problemsWith({ [directive]: [source] })).toEqual([
      expect.objectContaining({ where: `csp.directives.${directive}[0]` }),
    ]);
  });

  it.each([
    "https://a.example;script-src 'unsafe-inline'",
    'https://a.example; script-src *',
    ';',
    'https://a.example,default-src *',
    ',',
    'https://a.example\r\nSet-Cookie: session=1',
    'https://a.example\nscript-src *',
    'https://a.example\u2028script-src',
    'https://a.example\u0000',
    'https://a.example\tscript-src',
    'https://a.example/%3B;',
    'data:;script-src',
    "'sha256-;script-src *'",
    "'nonce';script-src *",
  ])('does not let %j into the header', (source) => {
    for (const directive of ['imgSrc', 'scriptSrc', 'sandbox', 'trustedTypes', 'reportUri', 'frameAncestors']) {
      expect(problemsWith({ [directive]: [source] })).toEqual([
        expect.objectContaining({ where: `csp.directives.${directive}[0]` }),
      ]);
    }
  });

  it('is not repeated in what is said of it', () => {
    const secret = 'https://user:hunter2@example.com';
    expect(
      JSON.stringify(problemsWith({ scriptSrc: [secret], reportUri: [secret], imgSrc: ["'nonce-hunter2'"] })),
    ).not.toContain('hunter2');
  });
});

describe('a source that lets an injected script run', () => {
  it.each([
    [["'unsafe-inline'"], "'unsafe-inline'"],
    [["'self'", "'unsafe-inline'"], "'unsafe-inline'"],
    [["'unsafe-eval'"], "'unsafe-eval'"],
    [["'nonce'", "'unsafe-eval'"], "'unsafe-eval'"],
    [['data:'], 'data:'],
    [['DATA:'], 'data:'],
    [['http:'], 'http:'],
    [['https:'], 'https:'],
    [['*'], '*'],
    [['https://*'], '*'],
    [['*:443'], '*'],
    [['https://*:*/x'], '*'],
    [["'nonce'", 'https:'], 'https:'],
  ])('is refused among %j, and accepted knowingly', (scriptSrc, danger) => {
    for (const directive of ['scriptSrc', 'script-src-elem', 'scriptSrcAttr', 'defaultSrc']) {
      if (directive === 'scriptSrcAttr' && scriptSrc.includes("'nonce'")) continue;
      const directives = { [directive]: scriptSrc };
      const [problem, ...others] = problemsWith(directives);
      expect(others).toEqual([]);
      expect(problem?.problem).toBe(`has ${danger}, which lets an injected script run`);
      expect(problem?.fix).toContain(`dangerouslyAllowScripts: [${JSON.stringify(danger)}]`);
      expect(problemsWith(directives, { dangerouslyAllowScripts: [danger] })).toEqual([]);
    }
  });

  it.each([
    [["'unsafe-inline'", "'nonce'"]],
    [["'unsafe-inline'", `'sha256-${DIGEST}'`]],
    [["'strict-dynamic'", "'nonce'", "'unsafe-inline'", 'https:', 'http:']],
    [["'self'", "'wasm-unsafe-eval'"]],
    [['https://*.example.com']],
  ])('is not among %j, as browsers read it', (scriptSrc) => {
    expect(problemsWith({ scriptSrc })).toEqual([]);
  });

  it('may stand in default-src when scripts have a list of their own', () => {
    expect(problemsWith({ defaultSrc: ["'self'", 'https:'], scriptSrc: ["'self'"] })).toEqual([]);
    expect(problemsWith({ defaultSrc: ["'self'", 'https:'], scriptSrc: false })).toHaveLength(1);
  });

  it('may stand where no scripts are meant', () => {
    expect(problemsWith({ styleSrc: ["'unsafe-inline'"], imgSrc: ['*', 'data:'], connectSrc: ['https:'] })).toEqual([]);
  });

  it.each([["'unsafe-inline'"], [['unsafe-inline']], [["'self'"]], [true]])('is not accepted by %j', (allowed) => {
    expect(problemsOf({ dangerouslyAllowScripts: allowed })).toEqual([
      expect.objectContaining({ where: 'csp.dangerouslyAllowScripts' }),
    ]);
  });

  it("is not 'strict-dynamic', which alone lets no script run at all", () => {
    expect(problemsWith({ scriptSrc: ["'strict-dynamic'"] })).toEqual([
      {
        where: 'csp.directives.scriptSrc',
        problem: expect.stringContaining('no script could run'),
        fix: `Add "'nonce'"`,
      },
    ]);
  });
});

describe('default-src', () => {
  it.each<object>([
    { directives: { defaultSrc: false } },
    { useDefaults: false },
    { useDefaults: false, directives: { scriptSrc: ["'self'"] } },
    { useDefaults: false, directives: { defaultSrc: undefined }, dangerouslyWithoutDefaultSrc: false },
  ])('may not be left out by accident: %j', (options) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where: 'csp.directives.defaultSrc' })]);
  });

  it('may be left out knowingly', () => {
    const options = {
      useDefaults: false,
      dangerouslyWithoutDefaultSrc: true,
      directives: { frameAncestors: ["'none'"] },
    };
    expect(policy(options)).toBe("frame-ancestors 'none'");
    expect(policy({ dangerouslyWithoutDefaultSrc: true, directives: { defaultSrc: false } })).not.toContain('default');
  });

  it.each<object>([{}, { directives: {} }, { directives: { imgSrc: false } }])(
    'is not all that a policy needs: %j says nothing at all',
    (options) => {
      expect(problemsOf({ useDefaults: false, dangerouslyWithoutDefaultSrc: true, ...options })).toEqual([
        { where: 'csp', problem: 'has no directive at all', fix: 'Name one, or write false' },
      ]);
    },
  );
});

describe('whatever directives are accepted', () => {
  const source = fc.oneof(
    fc.constantFrom("'self'", "'none'", "'nonce'", "'unsafe-inline'", 'https:', '*', 'a.example', `'sha256-${DIGEST}'`),
    fc.webUrl(),
    fc.domain(),
    fc.string({ maxLength: 20 }),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc
      .tuple(fc.domain(), fc.constantFrom(';', ',', ' ', '\r\n', '\t', '\u00a0'), fc.string({ maxLength: 9 }))
      .map((parts) => parts.join('')),
  );
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.array(source, { minLength: 1, maxLength: 4 }) },
    fc.boolean(),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const name = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...CSP_DIRECTIVES.keys()) }, fc.string());
  const entries = fc.array(fc.tuple(name, value), { maxLength: 8 });

  /** Those of the entries that are accepted on top of each other, lists without what is not accepted in them. */
  function acceptedOf(given: readonly (readonly [string, unknown])[]): CspDirectives {
    let accepted: Record<string, unknown> = {};
    for (const [directive, candidate] of given) {
      const list = Array.isArray(candidate)
        ? candidate.filter((text) => problemsWith({ imgSrc: ["'self'"], [directive]: [text] }).length === 0)
        : candidate;
      const next = { ...accepted, [directive]: list };
      if (problemsWith(next).length === 0) accepted = next;
    }
    return accepted;
  }

  it('are what a browser reads, and nothing else is; the check never throws', () => {
    const OWN = ['report-uri', 'report-to'];
    let lists = 0;
    fc.assert(
      fc.property(entries, (given) => {
        const compiled = directivesOf({ directives: acceptedOf(given) }, defaultDirectives('web'));
        const header = compileCsp(compiled, false, '/csp')?.value('bm9uY2U=') ?? '';
        expect(header).toMatch(/^[\x20-\x7e]+$/);
        const read = readByBrowser(header);
        const notOwn = (names: Iterable<string>) => [...names].filter((known) => !OWN.includes(known));
        expect(notOwn(read.keys())).toEqual(notOwn(compiled.keys()));
        for (const [directive, sources] of compiled) {
          lists++;
          expect(read.get(directive)).toEqual(sources.map((text) => (text === "'nonce'" ? "'nonce-bm9uY2U='" : text)));
        }
      }),
      { numRuns: 300 },
    );
    // More than the defaults have: the entries are not all refused.
    expect(lists).toBeGreaterThan(300 * defaultDirectives('web').size);
  });

  it('have no source so long that a check of it would not end', () => {
    for (const text of [
      'a'.repeat(50_000),
      'a.'.repeat(25_000),
      'a-'.repeat(25_000),
      '*.'.repeat(25_000),
      "'sha256-".repeat(7000),
    ]) {
      expect(problemsWith({ imgSrc: [`${text}!`] })).toHaveLength(1);
    }
  });
});
