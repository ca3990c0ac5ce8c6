import type { Ledger } from '../app.js';
import type { Configuration } from '../configuration.js';
import { field, type Answer } from './answer.js';
import { send, type Call } from './call.js';
import type { Promised } from './promise.js';
import type { Transcript } from './transcript.js';

/** A client that walks through a running Ledger and writes down what happens. */
export class Visitor {
  private readonly tokens = new Map<string, string>();

  constructor(
    readonly ledger: Ledger,
    readonly configuration: Configuration,
    private readonly port: number,
    private readonly transcript: Transcript,
  ) {}

  heading(text: string): void {
    this.transcript.heading(text);
  }

  /** Sends a call, prints it with its answer, and holds the answer against what is promised. */
  async shows(words: string, call: Call, promised: Promised): Promise<Answer> {
    this.transcript.request(words, call);
    const answer = await send(this.port, call);
    this.transcript.answer(answer, promised);
    return answer;
  }

  /** A name and a password; that of the demo users unless told. */
  credentials(username: string, password = this.configuration.demo?.password ?? ''): Readonly<Record<string, string>> {
    return { username, password };
  }

  signInForm(username: string, password?: string): Readonly<Record<string, string>> {
    return { grant_type: 'password', ...this.credentials(username, password) };
  }

  /** The token of a user, who signs in at the first time. */
  async tokenOf(username: string): Promise<string> {
    return (
      this.tokens.get(username) ?? this.signIn(username, `${username[0]?.toUpperCase()}${username.slice(1)} signs in.`)
    );
  }

  async signIn(username: string, words: string): Promise<string> {
    const form = this.signInForm(username);
    const answer = await this.shows(
      words,
      { method: 'POST', path: '/auth/token', form },
      {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        and: [['a bearer token', (received) => field(received, 'token_type') === 'Bearer']],
      },
    );
    const token = String(field(answer, 'access_token'));
    this.tokens.set(username, token);
    return token;
  }
}
