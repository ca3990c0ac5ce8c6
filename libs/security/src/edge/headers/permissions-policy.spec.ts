import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkPermissionsPolicy, permissionsPolicyValue } from './permissions-policy.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkPermissionsPolicy(options, 'permissionsPolicy', problems);
  return problems;
}

describe('Permissions-Policy', () => {
  it('switches powerful features off for everybody', () => {
    const features = (permissionsPolicyValue() as string).split(', ');
    expect(features).toEqual(
      expect.arrayContaining(['camera=()', 'microphone=()', 'geolocation=()', 'payment=()', 'usb=()', 'serial=()']),
    );
    expect(features.every((feature) => /^[a-z-]+=\(\)$/.test(feature))).toBe(true);
  });

  it('leaves alone what passkeys, media and forms are made of', () => {
    expect(permissionsPolicyValue()).not.toMatch(/publickey|otp|clipboard|fullscreen|autoplay|storage-access/);
  });

  it.each<[object, string]>([
    [{ camera: ['self'] }, 'camera=(self)'],
    [{ camera: ['*'] }, 'camera=*'],
    [{ camera: ['self', 'https://meet.example.com'] }, 'camera=(self "https://meet.example.com")'],
    [{ camera: ['https://*.example.com'] }, 'camera=("https://*.example.com")'],
    [{ geolocation: ['http://localhost:3000'] }, 'geolocation=("http://localhost:3000")'],
    [{ fullscreen: [] }, 'fullscreen=()'],
    [{ xrSpatialTracking: ['self'] }, 'xr-spatial-tracking=(self)'],
    [{ 'xr-spatial-tracking': ['self'] }, 'xr-spatial-tracking=(self)'],
  ])('writes %j as %s', (options, feature) => {
    expect(problemsOf(options)).toEqual([]);
    expect((permissionsPolicyValue(options) as string).split(', ')).toContain(feature);
  });

  it('names each feature once', () => {
    const names = (permissionsPolicyValue({ camera: ['self'] }) as string)
      .split(', ')
      .map((feature) => feature.split('=')[0]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('leaves a feature to the browser with false', () => {
    expect(permissionsPolicyValue({ camera: false })).not.toContain('camera');
  });

  it.each<[unknown, string]>([
    [{ camra: [] }, 'permissionsPolicy.camra'],
    [{ camera: 'self' }, 'permissionsPolicy.camera'],
    [{ camera: true }, 'permissionsPolicy.camera'],
    [{ camera: null }, 'permissionsPolicy.camera'],
    [{ camera: ['*', 'self'] }, 'permissionsPolicy.camera'],
    [{ camera: ['self', 'self'] }, 'permissionsPolicy.camera'],
    [{ camera: ["'self'"] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['none'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: [''] }, 'permissionsPolicy.camera[0]'],
    [{ camera: [1] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['example.com'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://example.com/'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://example.com/path'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://example.com:443'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://EXAMPLE.com'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://user@example.com'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://a"b.example'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://a.example"), microphone=*'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://a.example\r\nX: y'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['https://a.example\n'] }, 'permissionsPolicy.camera[0]'],
    [{ camera: ['javascript:alert(1)'] }, 'permissionsPolicy.camera[0]'],
    [{ midi: [], 'xr-spatial-tracking': [], xrSpatialTracking: [] }, 'permissionsPolicy.xrSpatialTracking'],
    [[], 'permissionsPolicy'],
    ['camera=()', 'permissionsPolicy'],
    [null, 'permissionsPolicy'],
  ])('refuses %j', (options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it.each([
    ['geoLocation', 'geolocation'],
    ['xr-spatial-trackin', 'xr-spatial-tracking'],
    ['publickeyCredentialGet', 'publickeyCredentialsGet'],
  ])('asks who writes %s whether %s is meant', (given, meant) => {
    expect(problemsOf({ [given]: [] })[0]?.fix).toBe(`Did you mean "${meant}"?`);
  });

  it('is one header of well-formed features, whatever it is made of', () => {
    const origin = fc.oneof(
      fc.constantFrom('self', '*', 'https://a.example', 'https://*.b.example:8443'),
      fc.webUrl(),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(origin, { maxLength: 4 }), (allowed) => {
        if (problemsOf({ camera: allowed }).length > 0) return;
        const value = permissionsPolicyValue({ camera: allowed }) as string;
        expect(value).toMatch(/^(?:[a-z-]+=(?:\*|\((?:(?:self|"https?:\/\/[a-z0-9.*:-]+") ?)*\))(?:, |$))+$/);
        expect(value.match(/microphone/g)).toHaveLength(1);
      }),
    );
  });
});
