import { Controller, Get, Param } from '@nestjs/common';
import { beforeEach, expect, it } from '@jest/globals';
import { Public } from '@palisade/nest';
import { attackEdge } from './edge-victim.js';

const read: unknown[] = [];

/** Hands the name to whatever reads files, as it came decoded from the router. */
@Controller('files')
@Public()
class Files {
  @Get(':name')
  one(@Param('name') name: string) {
    read.push(name);
    return { read: name };
  }

  @Get('*')
  many(@Param() parameters: object) {
    read.push(parameters);
    return { read: true };
  }
}

const DOTS = [
  '..',
  '%2e%2e',
  '%2E%2E',
  '.%2e',
  '%2e.',
  '%252e%252e',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%u002e%u002e',
];
const SLASHES = ['/', '%2f', '%2F', '\\', '%5c', '%5C', '%252f', '%255c', '%c0%af', '%c1%9c', '%e0%80%af', '%u2215'];

const TRAVERSALS = DOTS.flatMap((dots) => SLASHES.map((slash) => `${dots}${slash}${dots}${slash}etc${slash}passwd`));

const OTHERS = [
  '..',
  '.',
  '%2e',
  '%2e%2e',
  './a.txt',
  'a/./b',
  'a/../b',
  'a//b',
  '/a',
  '..;/a',
  '..;x=y/a',
  ';/../a',
  '%3b/a',
  'a.txt%00.png',
  'a.txt%2500.png',
  '..%00/a',
  '.%0a./a',
  '..%5c..%5cwindows%5cwin.ini',
  '..\\..\\windows\\win.ini',
  '%5c%5cevil%5cshare',
  'C:%5cboot.ini',
  '%2e%2e%2f%2e%2e%2f%65%74%63',
  '..././..././etc',
  '....//....//etc',
  '%',
  '%2',
  '%zz',
  '%ff',
  '%ed%a0%80',
  '%f8%80%80%80',
];

attackEdge('A path that climbs', { security: {}, controllers: [Files] }, (victim) => {
  beforeEach(() => {
    read.length = 0;
  });

  it.each([...TRAVERSALS, ...OTHERS])('(%s) reaches nothing that reads files', async (path) => {
    const targets = [`/files/${path}`, `/files/a/${path}`, `http://bank.example/files/${path}`];
    for (const target of targets) {
      const answer = await victim.call(target);
      victim.expectRefused(answer, 'target_not_normalized', 'target_malformed');
      expect(answer.text).not.toContain('passwd');
    }
    expect(read).toEqual([]);
  });

  it.each([
    ['a.txt', 'a.txt'],
    ['...', '...'],
    ['.hidden', '.hidden'],
    ['a..b', 'a..b'],
    ['%E3%81%82', 'あ'],
    ['a%20b', 'a b'],
  ])('while %s is read', async (path, name) => {
    expect((await victim.call(`/files/${path}`)).status).toBe(200);
    expect(read).toEqual([name]);
  });
});
