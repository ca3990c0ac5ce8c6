import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkFirewallOptions, resolveFirewall, type FirewallOptions } from './firewall.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkFirewallOptions(options, 'firewall', problems);
  return problems;
}

describe('the options of the firewall', () => {
  it.each<[FirewallOptions]>([
    [{}],
    [{ methods: ['GET', 'PROPFIND', 'M-SEARCH'] }],
    [{ dangerouslyAllow: [] }],
    [{ dangerouslyAllow: ['anyMethod', 'semicolon', 'malformedQuery', 'anyContentType'] }],
    [{ target: { maxLength: 1 }, headers: { max: 1000, accept: () => true } }],
    [{ parameters: { repeated: 'refuse' } }],
    [{ parameters: { repeated: { allow: ['tag'] }, max: 1, maxNameLength: 1, maxValueLength: 1 } }],
    [{ contentTypes: ['application/json', 'image/*'], bodyLimit: 0, json: { maxDepth: 1, maxKeys: 1 } }],
    [{ timeouts: { headers: 1000, request: 1000, keepAlive: 1 }, enforcement: 'report' }],
    [{ timeouts: { headers: 60_000 } }],
    [{ methods: undefined, target: undefined, bodyLimit: undefined, timeouts: { request: undefined } }],
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[unknown, string]>([
    [{ methods: [] }, 'firewall.methods'],
    [{ methods: 'GET' }, 'firewall.methods'],
    [{ methods: ['get'] }, 'firewall.methods'],
    [{ methods: ['TRACE'] }, 'firewall.methods'],
    [{ methods: ['GET', 'Track'] }, 'firewall.methods'],
    [{ methods: ['CONNECT'] }, 'firewall.methods'],
    [{ methods: ['GET POST'] }, 'firewall.methods'],
    [{ methods: [1] }, 'firewall.methods'],
    [{ methods: ['GET'], dangerouslyAllow: ['anyMethod'] }, 'firewall.methods'],
    [{ contentTypes: ['a/b'], dangerouslyAllow: ['anyContentType'] }, 'firewall.contentTypes'],
    [{ dangerouslyAllow: ['encodedSlashes'] }, 'firewall.dangerouslyAllow'],
    [{ dangerouslyAllow: 'semicolon' }, 'firewall.dangerouslyAllow'],
    [{ dangerouslyAllow: true }, 'firewall.dangerouslyAllow'],
    [{ dangerouslyAllow: [1] }, 'firewall.dangerouslyAllow'],
    [{ target: { maxLength: 0 } }, 'firewall.target.maxLength'],
    [{ target: { maxLength: Infinity } }, 'firewall.target.maxLength'],
    [{ target: false }, 'firewall.target'],
    [{ headers: [] }, 'firewall.headers'],
    [{ headers: { max: 1001 } }, 'firewall.headers.max'],
    [{ headers: { maxNameLength: '1' } }, 'firewall.headers.maxNameLength'],
    [{ headers: { maxValueLength: 1.5 } }, 'firewall.headers.maxValueLength'],
    [{ headers: { accept: /x/ } }, 'firewall.headers.accept'],
    [{ parameters: { max: 0 } }, 'firewall.parameters.max'],
    [{ parameters: { maxNameLength: null } }, 'firewall.parameters.maxNameLength'],
    [{ parameters: { maxValueLength: -1 } }, 'firewall.parameters.maxValueLength'],
    [{ parameters: { accept: true } }, 'firewall.parameters.accept'],
    [{ parameters: { repeated: 'first' } }, 'firewall.parameters.repeated'],
    [{ parameters: { repeated: true } }, 'firewall.parameters.repeated'],
    [{ parameters: { repeated: { allow: [] } } }, 'firewall.parameters.repeated'],
    [{ parameters: { repeated: { allow: 'a' } } }, 'firewall.parameters.repeated'],
    [{ parameters: { repeated: { allow: ['a'], refuse: ['b'] } } }, 'firewall.parameters.repeated'],
    [{ contentTypes: [] }, 'firewall.contentTypes'],
    [{ contentTypes: ['*/*'] }, 'firewall.contentTypes'],
    [{ bodyLimit: '1x' }, 'firewall.bodyLimit'],
    [{ bodyLimit: -1 }, 'firewall.bodyLimit'],
    [{ bodyLimit: null }, 'firewall.bodyLimit'],
    [{ json: { maxDepth: 257 } }, 'firewall.json.maxDepth'],
    [{ json: { maxKeys: 0 } }, 'firewall.json.maxKeys'],
    [{ timeouts: { headers: 0 } }, 'firewall.timeouts.headers'],
    [{ timeouts: { headers: '15s' } }, 'firewall.timeouts.headers'],
    [{ timeouts: { request: 0 } }, 'firewall.timeouts.request'],
    [{ timeouts: { request: 14_999 } }, 'firewall.timeouts.request'],
    [{ timeouts: { headers: 2000, request: 1999 } }, 'firewall.timeouts.request'],
    [{ timeouts: { keepAlive: 0 } }, 'firewall.timeouts.keepAlive'],
    [{ timeouts: [{ headers: 2000 }] }, 'firewall.timeouts'],
    [{ enforcement: 'off' }, 'firewall.enforcement'],
  ])('are refused by name: %j', (options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it('must leave the whole request no less time than its header, by default too', () => {
    expect(problemsOf({ timeouts: { headers: 90_000 } })).toEqual([
      expect.objectContaining({ where: 'firewall.timeouts.headers' }),
    ]);
  });

  it('name the nearest option for one that is not known', () => {
    expect(problemsOf({ method: ['GET'] })).toEqual([
      { where: 'firewall.method', problem: 'is not an option', fix: 'Did you mean "methods"?' },
    ]);
    expect(problemsOf({ dangerouslyAllow: ['encodedSlashes'] })[0]?.problem).toContain("did you mean 'encodedSlash'?");
  });

  it.each([true, 1, 'on', [], null])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });

  it('have the documented defaults', () => {
    expect(resolveFirewall()).toEqual({
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'],
      allowed: new Set(),
      maxTargetLength: 8192,
      headers: { max: 100, maxNameLength: 256, maxValueLength: 8192, accept: undefined },
      parameters: { max: 200, maxNameLength: 256, maxValueLength: 8192, accept: undefined, repeated: 'allow' },
      contentTypes: [
        'application/json',
        'application/*+json',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
      ],
      bodyLimit: 102_400,
      json: { maxDepth: 32, maxKeys: 100_000 },
      timeouts: { headers: 15_000, request: 60_000, keepAlive: 5_000 },
      enforcement: undefined,
    });
  });

  it('keep a limit of nothing, and what is undefined at its default', () => {
    expect(resolveFirewall({ bodyLimit: 0, parameters: { max: undefined } })).toMatchObject({
      bodyLimit: 0,
      parameters: { max: 200 },
    });
  });
});
