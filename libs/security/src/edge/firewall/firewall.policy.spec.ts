import { describe, expect, it } from '@jest/globals';
import type { Decision } from '../../core/decision.js';
import type { EdgeRequest } from '../edge.request.js';
import { compileBodyRules, Firewall } from './firewall.policy.js';
import { resolveFirewall } from './firewall.options.js';

const firewall = new Firewall(resolveFirewall());

function request(changes: Partial<EdgeRequest> = {}): EdgeRequest {
  const headers = changes.headers ?? {};
  return {
    method: 'POST',
    url: '/a?b=c',
    httpVersionMajor: 1,
    headers,
    rawHeaders: Object.entries(headers).flatMap(([name, value]) => [name, String(value)]),
    socket: {},
    ...changes,
  };
}

function reasonOf(decision: Decision): string {
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('the firewall', () => {
  it.each<[Partial<EdgeRequest>, string]>([
    [{}, 'allowed'],
    [{ method: 'TRACE' }, 'method_refused'],
    [{ url: '/a/../b' }, 'target_not_normalized'],
    [{ url: undefined }, 'target_malformed'],
    [{ url: '/a?b%00=c' }, 'parameter_malformed'],
    [{ headers: { 'x-text': 'a\0' } }, 'header_malformed'],
  ])('decides on %j: %s', (changes, reason) => {
    expect(reasonOf(firewall.decide(request(changes)))).toBe(reason);
  });

  it.each<[Record<string, string>, string]>([
    [{}, 'allowed'],
    [{ 'content-type': 'text/plain' }, 'allowed'],
    [{ 'content-length': '2', 'content-type': 'application/json' }, 'allowed'],
    [{ 'content-length': '2' }, 'content_type_unsupported'],
    [{ 'transfer-encoding': 'chunked', 'content-type': 'text/plain' }, 'content_type_unsupported'],
    [{ 'content-length': '102401', 'content-type': 'application/json' }, 'body_too_large'],
    [{ 'content-length': 'x', 'content-type': 'application/json' }, 'body_too_large'],
  ])('decides on a body from its header: %j: %s', (headers, reason) => {
    expect(reasonOf(firewall.decideBody(request({ headers })))).toBe(reason);
  });

  it('lets a route take more, less and other bodies than the application', () => {
    const upload = compileBodyRules({ bodyLimit: '1mb', contentTypes: ['image/*'] }, firewall.body);
    const image = request({ headers: { 'content-length': '1048576', 'content-type': 'image/png' } });
    expect(reasonOf(firewall.decideBody(image, upload))).toBe('allowed');
    expect(reasonOf(firewall.decideBody(image))).toBe('body_too_large');
    const json = request({ headers: { 'content-length': '2', 'content-type': 'application/json' } });
    expect(reasonOf(firewall.decideBody(json, upload))).toBe('content_type_unsupported');
    expect(reasonOf(firewall.decideBody(json, compileBodyRules({ bodyLimit: 1 }, firewall.body)))).toBe(
      'body_too_large',
    );
    expect(compileBodyRules({}, firewall.body)).toEqual(firewall.body);
  });

  it('decides on a body as it was parsed', () => {
    expect(reasonOf(firewall.decideParsedBody(JSON.parse('{"__proto__":1}')))).toBe('input_key_forbidden');
    expect(reasonOf(firewall.decideParsedBody({ a: [1] }))).toBe('allowed');
  });
});
