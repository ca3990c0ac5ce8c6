import { headerOf, type Answer } from './answer.js';
import { bodyOf, linesOf, type Call } from './call.js';
import { brokenParts, wordsOf, type Promised } from './promise.js';

const BODY_CHARACTERS = 220;
// A JSON Web Token, also one without a signature.
const TOKEN = /eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;
const PASSWORD = /(?<=\bpassword=)[^&]*|(?<="password":")[^"]*/g;
const CSRF_TOKEN = /(?<="csrfToken":")[^"]*/g;
/** Request headers whose values are secret beyond what is recognised everywhere. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(['X-CSRF-Token']);
/** Shown wherever they are; others where something is promised of them. */
const SHOWN_HEADERS = ['WWW-Authenticate', 'Set-Cookie', 'Idempotency-Replayed'];

/** Prints what is asked and answered, and counts what was as promised. */
export class Transcript {
  passed = 0;
  failed = 0;

  constructor(
    private readonly print: (line: string) => void,
    private readonly colours: boolean,
  ) {}

  heading(text: string): void {
    this.print(`\n${this.paint(1, text)}`);
  }

  request(words: string, call: Call): void {
    this.print(`\n  ${words}`);
    this.print(`    ${this.paint(36, '→')} ${call.method} ${call.path}`);
    for (const [name, value] of linesOf(call)) {
      this.print(`      ${name}: ${SECRET_HEADERS.has(name) ? '…' : redact(value)}`);
    }
    const body = bodyOf(call);
    if (body !== undefined) this.print(`      ${shorten(redact(body))}`);
  }

  answer(answer: Answer, promised: Promised): void {
    this.print(`    ${this.paint(36, '←')} ${answer.status} ${shorten(redact(answer.text))}`);
    for (const name of new Set([...SHOWN_HEADERS, ...Object.keys(promised.headers ?? {})])) {
      const value = headerOf(answer, name);
      if (value !== undefined) this.print(`      ${name}: ${redact(value)}`);
    }
    this.count(brokenParts(promised, answer), wordsOf(promised));
  }

  /** Counts a step that got no answer at all. */
  failure(reason: string): void {
    this.count([reason], '');
  }

  private count(broken: readonly string[], words: string): void {
    if (broken.length === 0) {
      this.passed += 1;
      this.print(`    ${this.paint(32, '✓')} ${words}`);
    } else {
      this.failed += 1;
      this.print(`    ${this.paint(31, '✗')} ${broken.map(redact).join('; ')}`);
    }
  }

  private paint(code: number, text: string): string {
    return this.colours ? `\u001B[${code}m${text}\u001B[0m` : text;
  }
}

function redact(text: string): string {
  return text
    .replace(TOKEN, (token) => `${token.slice(0, 10)}…`)
    .replace(PASSWORD, '…')
    .replace(CSRF_TOKEN, '…');
}

function shorten(text: string): string {
  return text.length > BODY_CHARACTERS ? `${text.slice(0, BODY_CHARACTERS)}… (${text.length} characters)` : text;
}
