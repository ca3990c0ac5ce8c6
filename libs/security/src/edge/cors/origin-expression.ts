/** What keeps a regular expression from being used on origins. */
export interface ExpressionProblem {
  readonly problem: string;
  readonly fix: string;
}

/** The characters that an origin can hold: an expression is tried on nothing else. */
const ALPHABET = [...'abcdefghijklmnopqrstuvwxyz0123456789-_.:/+[]'];
const LETTERS = ALPHABET.slice(0, 26);
const LETTERS_AND_DIGITS = new Set(ALPHABET.slice(0, 36));

const LONGEST_SOURCE = 1_000;
/** Choices of an end multiply; within a label, which is short, one more does no harm. */
const MOST_OPEN_ENDS = 2;
const MOST_ACROSS_LABELS = 1;
const MOST_BRANCHES = 1_000;

const INSTEAD = "Use a pattern such as 'https://*.example.com', or a function that decides";

type Characters = ReadonlySet<string>;

interface Repetition {
  min: number;
  max: number;
}

interface Letter extends Repetition {
  readonly kind: 'letter';
  readonly source: string;
  readonly characters: Characters;
}

interface Group extends Repetition {
  readonly kind: 'group';
  readonly alternatives: readonly (readonly Term[])[];
}

type Term = Letter | Group;

const NOTHING: Characters = new Set();

/**
 * What is wrong with a regular expression for origins, or `undefined`. It must match whole origins, mean its dots, and
 * match in a time that nobody can stretch (CWE-1333): what this cannot tell of an expression is refused.
 */
export function expressionProblem(expression: RegExp): ExpressionProblem | undefined {
  const { source, flags } = expression;
  const flag = [...flags].find((each) => !'disu'.includes(each));
  if (flag !== undefined) {
    return {
      problem: `has the flag "${flag}", which makes a match depend on more than the origin`,
      fix: 'Leave the flag out',
    };
  }
  if (source.length > LONGEST_SOURCE) {
    return { problem: `is longer than ${LONGEST_SOURCE} characters`, fix: INSTEAD };
  }
  const reader = new ExpressionReader(source, flags);
  const terms = reader.read();
  if (terms === undefined) return reader.problem;
  return dotProblem(terms) ?? new Ambiguity().problemOf(terms);
}

function unanchored(): ExpressionProblem {
  return {
    problem: 'does not match whole origins: other origins could hold a matching one',
    fix: 'Begin it with ^ and end it with $, with (?:…|…) around alternatives',
  };
}

/** Reads the part of the syntax that can be judged. */
class ExpressionReader {
  problem: ExpressionProblem | undefined;
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly flags: string,
  ) {}

  /** The terms between `^` and `$`; undefined where there is a problem. */
  read(): readonly Term[] | undefined {
    if (!this.take('^')) return this.refuse(unanchored());
    const terms = this.readTerms();
    if (terms === undefined) return undefined;
    return this.take('$') && this.at === this.source.length ? terms : this.refuse(unanchored());
  }

  private readTerms(): Term[] | undefined {
    const terms: Term[] = [];
    while (this.at < this.source.length && !'|)$'.includes(this.next)) {
      const term = this.readTerm();
      if (term === undefined) return undefined;
      terms.push(term);
    }
    return terms;
  }

  private readTerm(): Term | undefined {
    const term = this.take('(') ? this.readGroup() : this.readLetter();
    if (term !== undefined) this.readRepetition(term);
    return term;
  }

  private readGroup(): Group | undefined {
    if (this.take('?') && !this.take(':') && !this.takeName()) return this.unknown('a look-around or a modifier');
    const alternatives: Term[][] = [];
    do {
      const terms = this.readTerms();
      if (terms === undefined) return undefined;
      alternatives.push(terms);
    } while (this.take('|'));
    if (!this.take(')')) return this.unknown('an anchor inside');
    return { kind: 'group', alternatives, min: 1, max: 1 };
  }

  private takeName(): boolean {
    const name = /^<\w+>/.exec(this.source.slice(this.at));
    this.at += name?.[0].length ?? 0;
    return name !== null;
  }

  private readLetter(): Letter | undefined {
    const from = this.at++;
    const first = this.source[from] ?? '';
    if ('^{}]*+?'.includes(first)) return this.unknown(first === '^' ? 'an anchor inside' : 'an unescaped bracket');
    if (first === '[') this.skipClass();
    if (first === '\\') {
      const escaped = this.source[this.at++] ?? '';
      if (/[a-zA-Z0-9]/.test(escaped) && !'dDwWsS'.includes(escaped)) return this.unknown(`a "\\${escaped}"`);
    }
    const source = this.source.slice(from, this.at);
    const single = new RegExp(`^${source}$`, this.flags);
    const characters = new Set(ALPHABET.filter((character) => single.test(character)));
    return { kind: 'letter', source, characters, min: 1, max: 1 };
  }

  private skipClass(): void {
    for (; this.at < this.source.length && this.next !== ']'; this.at++) if (this.next === '\\') this.at++;
    this.at++;
  }

  private readRepetition(term: Term): void {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.source.slice(this.at));
    if (found === null) return;
    const [whole, from, comma, to] = found;
    this.at += whole.length;
    if (from === undefined) {
      term.min = whole.startsWith('+') ? 1 : 0;
      term.max = whole.startsWith('?') ? 1 : Infinity;
    } else {
      term.min = Number(from);
      if (comma === '') term.max = term.min;
      else term.max = to === '' ? Infinity : Number(to);
    }
  }

  private get next(): string {
    return this.source[this.at] ?? '';
  }

  private take(character: string): boolean {
    if (this.next !== character) return false;
    this.at++;
    return true;
  }

  private unknown(what: string): undefined {
    return this.refuse({ problem: `holds ${what}, of which the time to match cannot be told`, fix: INSTEAD });
  }

  private refuse(problem: ExpressionProblem): undefined {
    this.problem ??= problem;
    return undefined;
  }
}

/** Dots that were meant as dots, and the one that is missing in `.*example\.com`. */
function dotProblem(terms: readonly Term[]): ExpressionProblem | undefined {
  for (const [index, term] of terms.entries()) {
    if (term.kind === 'group') {
      for (const alternative of term.alternatives) {
        const problem = dotProblem(alternative);
        if (problem !== undefined) return problem;
      }
    } else if (term.source === '.' && term.max === 1) {
      return {
        problem: 'has an unescaped dot, which stands for any character: somebody can register that name',
        fix: 'Write \\. for a dot, and [a-z0-9-] for a character of a name',
      };
    }
    if (endsWithAnyLetter(term) && beginsWithName(terms.slice(index + 1))) {
      return {
        problem: 'lets anything stand right before a name: evil-example.com ends in example.com',
        fix: 'Write \\. between what may vary and the name',
      };
    }
  }
  return undefined;
}

function endsWithAnyLetter(term: Term): boolean {
  if (term.kind === 'letter') return LETTERS.every((letter) => term.characters.has(letter));
  return term.alternatives.some((terms) => {
    const last = terms.at(-1);
    return last !== undefined && endsWithAnyLetter(last);
  });
}

/** Whether a name of at most two labels can follow at once: those further down are their owner's to give. */
function beginsWithName(terms: readonly Term[]): boolean {
  const next = terms.find((term) => !isOptional(term));
  if (next?.kind !== 'letter' || next.characters.size !== 1 || !isOver(next.characters, LETTERS_AND_DIGITS))
    return false;
  return terms.filter((term) => term.kind === 'letter' && term.source === '\\.' && term.min > 0).length < 2;
}

/**
 * Counts the choices that a matcher can take back. A term has an open end where what follows can begin with what it
 * repeats. Outside of repetitions each one multiplies the steps by the length; inside, the steps grow without bound.
 */
class Ambiguity {
  private openEnds = 0;
  private acrossLabels = 0;
  private branches = 1;

  problemOf(terms: readonly Term[]): ExpressionProblem | undefined {
    const isBounded =
      this.isBounded(terms, NOTHING, false) &&
      this.openEnds <= MOST_OPEN_ENDS &&
      this.acrossLabels <= MOST_ACROSS_LABELS &&
      this.branches <= MOST_BRANCHES;
    return isBounded
      ? undefined
      : { problem: 'can be matched in too many ways: a long origin would take long to refuse', fix: INSTEAD };
  }

  private isBounded(terms: readonly Term[], after: Characters, isRepeated: boolean): boolean {
    return terms.every((term, index) => {
      const rest = beginningOf(terms.slice(index + 1), after);
      if (term.min !== term.max && isOver(charactersAt(term), rest)) {
        if (isRepeated) return false;
        if (term.max === 1) this.branches *= 2;
        else this.openEnds++;
        if (term.max > 1 && canHoldDot(term)) this.acrossLabels++;
      }
      return term.kind === 'letter' || this.isGroupBounded(term, rest, isRepeated);
    });
  }

  private isGroupBounded({ alternatives, max }: Group, rest: Characters, isInside: boolean): boolean {
    const isRepeated = isInside || max > 1;
    const own = union(alternatives.map((terms) => beginningOf(terms, NOTHING)));
    // A round may be followed by another: one that can be empty, or end early, is seen to overlap with it.
    const after = max > 1 ? union([own, rest]) : rest;
    const beginnings = alternatives.map((terms) => beginningOf(terms, after));
    const isClear = beginnings.every((one, index) => !beginnings.slice(index + 1).some((other) => isOver(one, other)));
    if (!isClear) {
      if (isRepeated) return false;
      this.branches *= alternatives.length;
    }
    return alternatives.every((terms) => this.isBounded(terms, after, isRepeated));
  }
}

/** What terms can begin with; what follows them too, where they can be empty. */
function beginningOf(terms: readonly Term[], after: Characters): Characters {
  const found: Characters[] = [];
  for (const term of terms) {
    found.push(charactersAt(term));
    if (!isOptional(term)) return union(found);
  }
  return union([...found, after]);
}

function charactersAt(term: Term): Characters {
  if (term.kind === 'letter') return term.characters;
  return union(term.alternatives.map((terms) => beginningOf(terms, NOTHING)));
}

function canHoldDot(term: Term): boolean {
  return term.kind === 'letter' ? term.characters.has('.') : term.alternatives.some((terms) => terms.some(canHoldDot));
}

function isOptional(term: Term): boolean {
  return term.min === 0 || (term.kind === 'group' && term.alternatives.some(canBeEmpty));
}

function canBeEmpty(terms: readonly Term[]): boolean {
  return terms.every(isOptional);
}

function union(sets: readonly Characters[]): Characters {
  return new Set(sets.flatMap((set) => [...set]));
}

function isOver(one: Characters, other: Characters): boolean {
  for (const character of one) if (other.has(character)) return true;
  return false;
}
