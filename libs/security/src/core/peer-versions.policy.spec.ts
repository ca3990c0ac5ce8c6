import { describe, expect, it } from '@jest/globals';
import { wrongPeers } from './peer-versions.policy.js';

const wrong = (version: string, range: string) => wrongPeers([{ name: 'peer', version, range }]).length === 1;

describe('A version of a peer', () => {
  it.each([
    ['11.0.0', '^11.0.0 || ^12.0.0'],
    ['11.2.7', '^11.0.0 || ^12.0.0'],
    ['12.5.1', '^11.0.0 || ^12.0.0'],
    ['12.0.0-next.3', '^11.0.0 || ^12.0.0'],
    ['0.5.1', '^0.5.1'],
    ['0.5.9', '^0.5.1'],
    ['0.15.0', '^0.14.0 || ^0.15.0'],
    ['0.14.4', '^0.14.0 || ^0.15.0'],
    ['4.1.0', '^4.0.1'],
    ['workspace', '^4.0.1'],
    ['4.0.0', '>=3'],
  ])('%s is taken where %s is asked for', (version, range) => {
    expect(wrong(version, range)).toBe(false);
  });

  it.each([
    ['10.4.15', '^11.0.0 || ^12.0.0'],
    ['13.0.0', '^11.0.0 || ^12.0.0'],
    ['5.2.0', '^6.0.0'],
    ['0.5.0', '^0.5.1'],
    ['0.6.0', '^0.5.1'],
    ['1.5.1', '^0.5.1'],
    ['0.13.2', '^0.14.0 || ^0.15.0'],
    ['4.0.0', '^4.0.1'],
  ])('%s is refused where %s is asked for', (version, range) => {
    expect(wrong(version, range)).toBe(true);
  });

  it('is told with what is asked for, and with the command that installs it', () => {
    const peer = { name: '@nestjs/core', version: '10.4.15', range: '^11.0.0 || ^12.0.0' };
    expect(wrongPeers([peer])).toEqual([
      {
        where: '@nestjs/core',
        problem: 'is installed in version 10.4.15, and @palisade/nest works with ^11.0.0 || ^12.0.0',
        fix: 'Run: npm install @nestjs/core@"^12.0.0"',
      },
    ]);
  });
});
