import { expect } from '@jest/globals';
import type { IncomingHttpHeaders } from 'node:http';
import { createLedger, type Ledger } from '../../apps/sample/src/app.js';
import { readConfiguration, type Configuration, type Quotas } from '../../apps/sample/src/configuration.js';
import type { Answer as SentAnswer } from '../../apps/sample/src/demo/answer.js';
import { send, type Call as SentCall } from '../../apps/sample/src/demo/call.js';
import { HttpClient } from '../support/http-client.js';

const DEMO_PASSWORD = 'for this test only';

/** More than any specification needs: those that are about other things send more in a minute than people do. */
export const AMPLE_QUOTAS: Quotas = {
  requests: 1_000_000,
  transfers: 1_000_000,
  failuresBeforeLock: 1000,
};

/** The form that alice signs in with. */
export const aliceSignsIn = { grant_type: 'password', username: 'alice', password: DEMO_PASSWORD };

/** Matches the body of an error: Nest's shape and a code. */
export function errorBody(statusCode: number, code: unknown): object {
  return expect.objectContaining({ statusCode, code, message: expect.any(String) });
}

/** The properties that tests pick out of the answers of the bank. */
export interface Body {
  readonly id: string;
  readonly ownerId: string;
  readonly balance: number;
  readonly amount: number;
  readonly username: string;
  readonly access_token: string;
  readonly error: string;
  readonly code: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, parsed; throws where it is no JSON. */
  readonly body: Body;
  /** The body, where it is a list. */
  readonly list: readonly Body[];
}

export interface Call {
  /** A user to sign in as, … */
  readonly as?: string;
  /** … or a token. */
  readonly token?: string;
  /** Sent as JSON; text is sent as it is. */
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Ledger on a free port, and a client for it. */
export class RunningLedger {
  private readonly signedIn = new Map<string, Promise<string>>();

  private constructor(
    readonly ledger: Ledger,
    readonly configuration: Configuration,
    private readonly client: HttpClient,
  ) {}

  static async start(environment: Record<string, string>, change: Partial<Configuration> = {}): Promise<RunningLedger> {
    const configuration = {
      ...readConfiguration({ DEMO_PASSWORD, ...environment }),
      passwordCost: { memoryCost: 64, timeCost: 1, parallelism: 1 },
      quotas: AMPLE_QUOTAS,
      ...change,
    };
    const ledger = await createLedger(configuration, { logger: false });
    await ledger.app.listen(0, '127.0.0.1');
    const { port } = ledger.app.getHttpServer().address() as { port: number };
    return new RunningLedger(ledger, configuration, new HttpClient(port));
  }

  async stop(): Promise<void> {
    await this.ledger.app.close();
  }

  /** The page, as a browser on this machine asks for it. */
  get address(): string {
    return `http://127.0.0.1:${this.client.port}/`;
  }

  get(path: string, call: Call = {}): Promise<Answer> {
    return this.send('GET', path, call);
  }

  post(path: string, call: Call = {}): Promise<Answer> {
    return this.send('POST', path, call);
  }

  /** Sends a call with its own host, cookie and header lines, as the demo does. */
  visit(call: SentCall): Promise<SentAnswer> {
    return send(this.client.port, call);
  }

  /** The cookie of a new session. */
  async sessionOf(username: string, call: Partial<SentCall> = {}): Promise<string> {
    const json = { username, password: DEMO_PASSWORD };
    const { headers } = await this.visit({ method: 'POST', path: '/session', json, ...call });
    return (headers['set-cookie']?.[0] ?? '').split(';', 1)[0] ?? '';
  }

  /** Posts a form to the token endpoint. */
  signIn(form: Record<string, string> | string): Promise<Answer> {
    return this.post('/auth/token', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    });
  }

  tokenOf(username: string): Promise<string> {
    let token = this.signedIn.get(username);
    if (token === undefined) {
      const form = { grant_type: 'password', username, password: DEMO_PASSWORD };
      token = this.signIn(form).then(({ body }) => body.access_token);
      this.signedIn.set(username, token);
    }
    return token;
  }

  /** The id of the first account of a user. */
  async accountOf(username: string): Promise<string> {
    const { list } = await this.get('/accounts', { as: username });
    return (list[0] as Body).id;
  }

  private async send(method: string, path: string, { as, token, body, headers }: Call): Promise<Answer> {
    const bearer = as === undefined ? token : await this.tokenOf(as);
    const answer = await this.client.call(path, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      text: answer.text,
      get body() {
        return JSON.parse(answer.text) as Body;
      },
      get list() {
        return JSON.parse(answer.text) as Body[];
      },
    };
  }
}
