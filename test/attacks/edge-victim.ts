import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { SecurityEvents, type SecurityEvent } from '@palisade/nest';
import { startSubject, type RunningSubject, type Subject } from '../conformance/subject.js';
import { Wire, type WireRequest } from '../conformance/wire.js';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import type { HttpAnswer } from '../support/http-client.js';

/** What the attacker's own site is called, in every attack. */
export const EVIL = 'evil.example';

export interface AttackCall {
  readonly method?: string;
  readonly host?: string;
  /** In the order in which they are sent; names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Buffer;
  /** The address that the connection comes from. */
  readonly from?: string;
}

/** An application whose edge is attacked. */
export class EdgeVictim {
  /** What was published since the last call of `reset`. */
  readonly events: SecurityEvent[] = [];
  private running!: RunningSubject;

  constructor(
    readonly adapter: AdapterName,
    private readonly subject: Subject,
    private readonly defaultHost: string,
  ) {}

  async start(): Promise<void> {
    this.running = await startSubject(this.adapter, this.subject);
    this.running.app.get(SecurityEvents).subscribe((event) => this.events.push(event));
  }

  close(): Promise<void> {
    return this.running.close();
  }

  get wire(): Wire {
    return this.running.wire;
  }

  get port(): number {
    return this.running.port;
  }

  call(target: string, { method = 'GET', host = this.defaultHost, headers = [], body, from }: AttackCall = {}) {
    const request: WireRequest = {
      method,
      target,
      headers: [['Host', host], ...headers, ...lengthOf(body, headers), ['Connection', 'close']],
      body,
    };
    const { tls } = this.subject;
    return new Wire(this.running.port, { tls, from }).send(request);
  }

  /** Sends the bytes of a whole connection, and answers with everything that comes back. */
  exchange(bytes: string | Buffer): Promise<string> {
    return this.wire.exchange(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** A clear 4xx that repeats nothing of the attacker's. */
  expectRefused(answer: HttpAnswer, ...codes: string[]): void {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text + JSON.stringify(answer.headers)).not.toContain(EVIL);
    if (codes.length > 0) expect(codes).toContain(answer.body['code']);
  }
}

function lengthOf(body: string | Buffer | undefined, headers: NonNullable<AttackCall['headers']>) {
  const framed = headers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
  return body === undefined || framed ? [] : [['Content-Length', String(Buffer.byteLength(body))] as const];
}

/** Runs an attack on the edge of an application, on both adapters. */
export function attackEdge(
  name: string,
  subject: Subject,
  run: (victim: EdgeVictim) => void,
  host = 'bank.example',
): void {
  describe.each(ADAPTERS)(`${name} on %s`, (adapter) => {
    const victim = new EdgeVictim(adapter, subject, host);
    beforeAll(() => victim.start());
    afterAll(() => victim.close());
    run(victim);
  });
}
