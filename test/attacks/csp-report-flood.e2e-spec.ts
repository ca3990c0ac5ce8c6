import { All, Controller } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Public, SecurityEvents, SecurityModule, type SecurityEvent } from '@palisade/nest';
import { Wire } from '../conformance/wire.js';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';

const PATH = '/.well-known/csp-reports';
let reached = 0;

@Controller()
@Public()
class Everything {
  @All('*')
  anything() {
    reached += 1;
    return {};
  }
}

const REPORT = JSON.stringify({
  'csp-report': {
    'document-uri': 'https://bank.example/page',
    'effective-directive': 'script-src',
    'blocked-uri': 'https://evil.example/x.js',
  },
});

describe.each(ADAPTERS)('A flood of reports on %s', (adapter) => {
  let running: RunningApplication;
  const events: SecurityEvent[] = [];
  beforeAll(async () => {
    running = await startApplication(adapter, {
      imports: [
        SecurityModule.forRoot({
          hosts: ['bank.example'],
          headers: { reporting: { path: PATH, maxBytes: 2048, perMinute: { address: 5, total: 12 } } },
        }),
      ],
      controllers: [Everything],
    });
    running.app.get(SecurityEvents).subscribe((event) => events.push(event));
  });
  afterAll(() => running.close());
  beforeEach(() => {
    events.length = 0;
    reached = 0;
    // Each test has minutes of its own.
    running.clock.advance(600);
  });

  const report = async (body: string, type = 'application/csp-report', from = '127.0.0.1', method = 'POST') => {
    const answer = await new Wire(running.client.port, { from }).send({
      method,
      target: PATH,
      headers: [
        ['Host', 'bank.example'],
        ['Content-Type', type],
        ['Content-Length', String(Buffer.byteLength(body))],
        ['Connection', 'close'],
      ],
      body,
    });
    return answer.status;
  };
  const violations = () => events.filter(({ type }) => type === 'csp_violation').length;

  it('from one address stops being listened to', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push(await report(REPORT));
    expect(statuses.filter((status) => status === 204)).toHaveLength(5);
    expect(statuses.slice(5)).toEqual(Array.from({ length: 15 }, () => 429));
    expect(violations()).toBe(5);
    expect(await report(REPORT, undefined, '127.0.0.2')).toBe(204);
    running.clock.advance(120);
    expect(await report(REPORT)).toBe(204);
  });

  it('from many addresses stops being listened to', async () => {
    const statuses: number[] = [];
    for (let i = 1; i <= 40; i++) statuses.push(await report(REPORT, undefined, `127.0.1.${i}`));
    expect(statuses.filter((status) => status === 204)).toHaveLength(12);
    expect(violations()).toBe(12);
  });

  it('that forges where it comes from counts as what it is', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 10; i++) {
      const answer = await running.client.call(PATH, {
        method: 'POST',
        headers: {
          'content-type': 'application/csp-report',
          'x-forwarded-for': `203.0.113.${i}`,
          'x-real-ip': `203.0.113.${i}`,
        },
        body: REPORT,
      });
      statuses.push(answer.status);
    }
    // The client of the tests names an address as the host, which is not served: nothing of it gets that far.
    expect(new Set(statuses)).toEqual(new Set([400]));
    expect(violations()).toBe(0);
  });

  it('does not slow down anything else', async () => {
    for (let i = 0; i < 10; i++) await report(REPORT);
    const answer = await new Wire(running.client.port).send({
      method: 'GET',
      target: '/anything',
      headers: [
        ['Host', 'bank.example'],
        ['Connection', 'close'],
      ],
    });
    expect(answer.status).toBe(200);
  });

  it.each([
    ['nothing', ''],
    ['garbage', '\u0000\u0001{'],
    ['another object', '{"a":1}'],
    ['null', 'null'],
    ['a number', '1e999'],
    ['depth', `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['a prototype', '{"__proto__":{"csp-report":{}},"constructor":{"prototype":{"x":1}}}'],
    ['fields of wrong types', '{"csp-report":{"blocked-uri":{},"effective-directive":[1]}}'],
  ])('of %s is answered like any other, and throws nothing', async (_, body) => {
    for (const type of ['application/csp-report', 'application/reports+json', 'application/json']) {
      expect([204, 415]).toContain(await report(body, type));
    }
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(reached).toBe(0);
  });

  it('that are too long is not read', async () => {
    expect(await report(REPORT.padEnd(3000))).toBe(413);
    const chunks = await new Wire(running.client.port).send({
      method: 'POST',
      target: PATH,
      headers: [
        ['Host', 'bank.example'],
        ['Content-Type', 'application/csp-report'],
        ['Transfer-Encoding', 'chunked'],
        ['Connection', 'close'],
      ],
      body: `bb8\r\n${REPORT.padEnd(3000)}\r\n0\r\n\r\n`,
    });
    expect(chunks.status).toBe(413);
    expect(violations()).toBe(0);
  });

  it('with many reports in one body does not become as many events', async () => {
    const one = { type: 'csp-violation', url: 'https://bank.example/', body: { effectiveDirective: 'img-src' } };
    const many = JSON.stringify(Array.from({ length: 1000 }, () => one)).slice(0, 2048);
    await report(many, 'application/reports+json');
    const fitting = JSON.stringify(Array.from({ length: 15 }, () => one));
    expect(fitting.length).toBeLessThan(2048);
    await report(fitting, 'application/reports+json');
    expect(violations()).toBeLessThanOrEqual(15);
  });

  it.each(['GET', 'PUT', 'DELETE', 'HEAD'])('by %s is no report, and reaches no route', async (method) => {
    expect(await report('', 'application/csp-report', undefined, method)).toBe(405);
    expect(reached).toBe(0);
  });

  it('of types that a form can send is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect(await report(REPORT, type)).toBe(415);
    }
    expect(violations()).toBe(0);
  });
});
