import { expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { attack } from './victim.js';

const JSON_TYPE = { 'content-type': 'application/json' };

attack('A body that is not what it says', (victim) => {
  it.each([
    ['no JSON', 'to=bob&cents=1'],
    ['cut off', '{"to":"bob","cents":'],
    ['followed by more', '{"to":"bob","cents":1}{"to":"mallory","cents":1000000}'],
    ['a comment', '{"to":"bob",/* */"cents":1}'],
    ['empty', ''],
    ['white space', '   '],
    ['a bare word', 'undefined'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('latin1')],
    ['NUL', '\u0000'],
    ['a list', '[]'],
    ['a number', '42'],
    ['null', 'null'],
    ['deep', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['deep lists', `{"to":${'['.repeat(20_000)}${']'.repeat(20_000)},"cents":1}`],
    ['huge', JSON.stringify({ to: 'x'.repeat(2_000_000), cents: 1 })],
    ['many properties', JSON.stringify(Object.fromEntries(Array.from({ length: 8_000 }, (_, i) => [`p${i}`, 1])))],
    ['wrong types', '{"to":{},"cents":"1; DROP TABLE accounts"}'],
    ['unknown properties', '{"to":"bob","cents":1,"isAdmin":true}'],
    ['out of range', '{"to":"bob","cents":1e300}'],
    ['not finite', '{"to":"bob","cents":1e999}'],
  ])('(%s) is refused', async (_, body) => {
    const answer = await victim.client.post('/transfers', body, JSON_TYPE);
    victim.expectClearRefusal(answer);
    expect(answer.text).not.toContain('DROP TABLE');
    expect(answer.text).not.toContain('mallory');
  });

  it.each([
    ['a type that nobody reads', { 'content-type': 'application/x-yaml' }, 'to: bob'],
    ['a type that is garbage', { 'content-type': ';;;' }, '{"to":"bob","cents":1}'],
    ['a gzip header and gzipped garbage', { ...JSON_TYPE, 'content-encoding': 'gzip' }, '\u001f\u008b\u0008garbage'],
  ])('with %s is refused', async (_, headers, body) => {
    victim.expectClearRefusal(await victim.client.post('/transfers', body, headers));
  });

  it.each([
    ['a charset that nobody has', { 'content-type': 'application/json; charset=x-unknown' }],
    ['an encoding that nobody has', { ...JSON_TYPE, 'content-encoding': 'x-unknown' }],
    ['an encoding that is not so', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
  ])('under %s is refused, or read as the JSON that it is', async (_, headers) => {
    const answer = await victim.client.post('/transfers', '{"to":"bob","cents":1}', headers);
    // Fastify decodes nothing and always reads UTF-8.
    if (victim.adapter === 'fastify') expect(answer.body).toEqual({ booked: 1 });
    else victim.expectClearRefusal(answer);
  });

  it('that blows up when it is unpacked is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000, 0x20)).toString('latin1');
    const bytes = [
      'POST /transfers HTTP/1.1',
      'host: localhost',
      'connection: close',
      'content-type: application/json',
      'content-encoding: gzip',
      `content-length: ${bomb.length}`,
      '',
      bomb,
    ].join('\r\n');
    const answer = await victim.client.raw(Buffer.from(bytes, 'latin1'));
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('while a good one is taken', async () => {
    expect((await victim.client.post('/transfers', { to: 'bob', cents: 1 })).body).toEqual({ booked: 1 });
  });
});
