import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { REQUIREMENTS, THREATS, type Shown } from './rows.js';

const requirements = readFileSync('docs/asvs.md', 'utf8');
const threats = readFileSync('docs/threat-model.md', 'utf8');

/** The first cells of the rows of all tables of a page. */
function rowsOf(page: string): readonly string[] {
  const lines = page.split('\n');
  return lines.flatMap((line, index) => {
    const isRow = line.startsWith('|') && !/^\|[ -]+\|/.test(line);
    const isHead = /^\| -+/.test(lines[index + 1] ?? '');
    return isRow && !isHead ? [(line.split(/(?<!\\)\|/)[1] as string).trim()] : [];
  });
}

/** What stands between two headings. */
const between = (page: string, from: string, to: string): string =>
  page.slice(page.indexOf(`\n## ${from}\n`), page.indexOf(`\n## ${to}\n`));

const sentences = new Map<string, ReadonlySet<string>>();

/** The sentences of all tests of a specification. */
function sentencesOf(specification: string): ReadonlySet<string> {
  const known = sentences.get(specification);
  if (known !== undefined) return known;
  const path = [`${specification}.spec.ts`, `${specification}.e2e-spec.ts`].find((candidate) => existsSync(candidate));
  const source = path === undefined ? '' : readFileSync(path, 'utf8');
  const found = new Set(
    [...source.matchAll(/\(\s*(['"`])((?:(?!\1).)+)\1,\s*(?:async )?\(/gs)].map(([, , sentence = '']) => sentence),
  );
  sentences.set(specification, found);
  return found;
}

const PAGES: readonly (readonly [string, readonly string[], Readonly<Record<string, readonly Shown[]>>])[] = [
  ['docs/asvs.md', rowsOf(requirements), REQUIREMENTS],
  [
    'docs/threat-model.md',
    [
      ...[...between(threats, 'Trust boundaries', 'Threats and controls').matchAll(/^\d\. \*\*(.+?)\.\*\*/gm)].map(
        ([, boundary = '']) => boundary,
      ),
      ...rowsOf(between(threats, 'Threats and controls', 'Residual risk')),
    ],
    THREATS,
  ],
];

describe.each(PAGES)('Each row of %s', (_, rows, shown) => {
  it('is held by a test, and each entry belongs to a row', () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(Object.keys(shown).toSorted()).toEqual(rows.toSorted());
    expect(Object.entries(shown).flatMap(([row, tests]) => (tests.length === 0 ? [row] : []))).toEqual([]);
  });

  it('is held by tests that exist, by specification and sentence', () => {
    const missing = Object.values(shown)
      .flat()
      .filter(([specification, sentence]) => !sentencesOf(specification).has(sentence));
    expect(missing).toEqual([]);
  });
});

describe('The threat model', () => {
  it('names every package that runs with all rights, and none besides', () => {
    const manifest = JSON.parse(readFileSync('libs/security/package.json', 'utf8')) as Record<string, object>;
    const [, list = ''] = /^\d\. \*\*Process → dependencies\.\*\* ([^]+?) run with all rights\./m.exec(threats) ?? [];
    const named = list.split(/,\s*|\s+and\s+/).map((name) => name.trim());
    const packages = Object.keys({ ...manifest['dependencies'], ...manifest['peerDependencies'] }).map((name) =>
      name.startsWith('@nestjs/') ? 'Nest' : name === 'passport' ? 'Passport' : name === 'rxjs' ? 'RxJS' : name,
    );
    expect(named.toSorted()).toEqual([...new Set(packages)].toSorted());
  });
});
