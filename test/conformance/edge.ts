import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SecurityConfigurationError, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { ADAPTERS } from '../support/application.js';
import type { HttpAnswer } from '../support/http-client.js';
import { caseNamed, expectAnswer, type ConformanceCase } from './cases.js';
import { DECIDED } from './decisions.js';
import { startSubject, type RunningSubject, type Subject } from './subject.js';
import { Wire, type WireRequest } from './wire.js';

/** What a request of a case is sent with. */
export interface Sending {
  readonly subject: RunningSubject;
  readonly id: string;
}

/** The application that cases are given, and what they need beside it. */
export interface CaseSetup {
  /** `undefined` where the start is refused, and nothing else is to be shown. */
  readonly subject?: Subject;
  /** The options as a case has them, where they are refused: for all cases, or by the id of one. */
  readonly refused?: SecurityOptions;
  /** Puts in what the case leaves to the test: a token, a body. */
  readonly prepare?: (request: WireRequest, sending: Sending) => WireRequest | Promise<WireRequest>;
  /** Where the connection comes from. */
  readonly from?: (id: string) => string | undefined;
  /** Comes before the request of the case. */
  readonly before?: (sending: Sending) => Promise<unknown>;
  /** What the case says in words. */
  readonly check?: (answer: HttpAnswer, sending: Sending) => void | Promise<void>;
}

/**
 * Runs the cases of an area on both adapters, each against the application of its setup, over a socket that sends their
 * bytes as they are.
 */
export function describeConformance<Area extends Readonly<Record<string, readonly string[]>>>(
  name: string,
  covered: Area,
  setups: Readonly<Record<keyof Area, CaseSetup>>,
): void {
  describe.each(ADAPTERS)(`Conformance of ${name} on %s`, (adapter) => {
    for (const [setup, ids] of Object.entries(covered)) {
      describe(`${setup}`, () => {
        const { subject, prepare = (request) => request, from, before, check } = setups[setup] as CaseSetup;
        if (subject === undefined) return;
        let running: RunningSubject;
        beforeAll(async () => {
          running = await startSubject(adapter, subject);
        });
        afterAll(() => running?.close());

        it.each(ids.map((id) => [id, caseNamed(id).given]))('%s: %s', async (id) => {
          const sending = { subject: running, id };
          await before?.(sending);
          const conformance = caseNamed(id);
          const request = await prepare(requestOf(conformance, running.port), sending);
          const wire = new Wire(running.port, { tls: subject.tls, from: from?.(id) });
          const answer = await wire.send(request);
          expectAnswer(answer, { expect: expectedOf(conformance, request) });
          await check?.(answer, sending);
        });
      });
    }
  });

  const refusals = Object.entries(covered).flatMap(([setup, ids]) =>
    ids.flatMap((id) => {
      const where = DECIDED[id]?.refusedAtStart;
      return where === undefined ? [] : [[id, where, (setups[setup] as CaseSetup).refused] as const];
    }),
  );
  if (refusals.length === 0) return;
  describe(`What the cases of ${name} take for granted`, () => {
    it.each(refusals)('%s: is refused at the start, at %s', (_, where, options) => {
      expect(options).toBeDefined();
      expect(placesOf(options as SecurityOptions)).toContain(where);
    });
  });
}

/** Where the start is refused. */
function placesOf(options: SecurityOptions): readonly string[] {
  try {
    SecurityModule.forRoot(options);
  } catch (error) {
    if (error instanceof SecurityConfigurationError) return error.problems.map(({ where }) => where);
    throw error;
  }
  return [];
}

function requestOf({ request }: ConformanceCase, port: number): WireRequest {
  const headers = Object.entries(request.headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, value as string] as const),
  );
  const has = (name: string) => headers.some(([other]) => other.toLowerCase() === name);
  // Only a case that is sent raw can be about a missing Host.
  if (!has('host') && (request.raw !== true || headers.length > 0)) headers.unshift(['Host', `127.0.0.1:${port}`]);
  if (!has('connection')) headers.push(['Connection', 'close']);
  const body = request.body_sent ?? request.body;
  if (body !== undefined && !has('content-length') && !has('transfer-encoding')) {
    headers.push(['Content-Length', String(Buffer.byteLength(body))]);
  }
  return { method: request.method, target: request.path, headers, body };
}

function expectedOf(conformance: ConformanceCase, { method, headers }: WireRequest): ConformanceCase['expect'] {
  const expected = DECIDED[conformance.id]?.expect ?? conformance.expect;
  const preflight = method === 'OPTIONS' && headers.some(([name]) => name === 'Access-Control-Request-Method');
  // To a browser every ok status is the same (Fetch Standard, "CORS-preflight fetch"); there is no content to tell of.
  return preflight && expected.status === 200 ? { ...expected, status: 204 } : expected;
}
