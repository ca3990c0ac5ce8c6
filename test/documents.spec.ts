import { describe, expect, it } from '@jest/globals';
import { denied, SecurityException, type DenialReason } from '@palisade/nest';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'libs/security/README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

describe('the pages', () => {
  it.each(PAGES)('%s links to nothing that is not there', (page) => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(
      ([, path]) => path ?? '',
    );
    expect(links.filter((path) => !existsSync(join(dirname(page), path)))).toEqual([]);
  });
});

describe('the threat model', () => {
  const page = readFileSync('docs/threat-model.md', 'utf8');
  const shownBy = [...page.matchAll(/^\|[^|]+\|[^|]+\|([^|]+)\|$/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([\w./-]+)`/g)])
    .map(([, name = '']) => (name.includes('/') ? name : `test/attacks/${name}`));

  it('names specifications that exist', () => {
    const missing = shownBy.filter((path) => !existsSync(`${path}.spec.ts`) && !existsSync(`${path}.e2e-spec.ts`));
    expect(shownBy).not.toEqual([]);
    expect(missing).toEqual([]);
  });

  it('names every attack that is tested', () => {
    const attacks = readdirSync('test/attacks')
      .filter((file) => file.endsWith('.e2e-spec.ts'))
      .map((file) => `test/attacks/${file.replace(/\.e2e-spec\.ts$/, '')}`);
    expect(attacks.filter((path) => !shownBy.includes(path))).toEqual([]);
  });
});

function denialReasons(): readonly DenialReason[] {
  const source = readFileSync('libs/security/src/core/decision.ts', 'utf8');
  const union = /type DenialReason =([^;]+);/.exec(source)?.[1] ?? '';
  return [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason as DenialReason);
}

function statusOf(reason: DenialReason): string {
  return String(new SecurityException(denied(reason)).getStatus());
}

function codesListedIn(page: string): ReadonlyMap<string | undefined, string | undefined> {
  return new Map([...page.matchAll(/^\| `(\w+)` +\| ([45]\d\d) +\|/gm)].map(([, code, status]) => [code, status]));
}

describe("the guide's page of errors", () => {
  const guide = (name: string) => readFileSync(join('docs/guide', name), 'utf8');
  const listed = codesListedIn(guide('errors.md'));

  it('gives each reason of denial that it lists its status', () => {
    const reasons = denialReasons().filter((reason) => listed.has(reason));
    expect(reasons.length).toBeGreaterThan(50);
    expect(reasons.map((reason) => [reason, listed.get(reason)])).toEqual(
      reasons.map((reason) => [reason, statusOf(reason)]),
    );
    expect([...listed.keys()].filter((code) => !reasons.includes(code as DenialReason))).toEqual([]);
  });

  it('lists every reason of denial, but for those of the pages that it sends readers to', () => {
    const others = `${guide('abuse.md')}${guide('input-and-output.md')}`;
    const missing = denialReasons().filter((reason) => !listed.has(reason) && !others.includes(`\`${reason}\``));
    expect(denialReasons().length).toBeGreaterThan(60);
    expect(missing).toEqual([]);
    for (const page of ['abuse.md', 'input-and-output.md']) expect(guide('errors.md')).toContain(`](${page})`);
  });
});

describe("the package's page", () => {
  const listed = codesListedIn(readFileSync('libs/security/README.md', 'utf8'));

  it('lists every reason of denial with its status', () => {
    const reasons = denialReasons();
    expect(reasons).not.toEqual([]);
    expect(reasons.map((reason) => [reason, listed.get(reason)])).toEqual(
      reasons.map((reason) => [reason, statusOf(reason)]),
    );
  });

  it('lists every code of input that is refused', () => {
    const sources = ['validation.policy.ts', 'validation.exception.ts', 'unreadable-request.policy.ts'];
    const source = sources.map((file) => readFileSync(join('libs/security/src/validation', file), 'utf8')).join('\n');
    const codes = new Set(
      [...source.matchAll(/'((?:input|body|content|request|validation)_[a-z_]+)'/g)].map(([, code]) => code),
    );
    expect(codes.size).toBeGreaterThan(0);
    expect([...codes].filter((code) => code === undefined || !listed.has(code))).toEqual([]);
  });
});
