import { expect, it } from '@jest/globals';
import { attack } from './victim.js';

const VARIANTS = [
  '/admin',
  '/ADMIN',
  '/Admin/',
  '//admin',
  '/./admin',
  '/x/../admin',
  '/%61dmin',
  '/%2561dmin',
  '/admin%2f',
  '/admin%00',
  '/admin;jsessionid=1',
  '/admin.json',
  '/admin?x=/open',
  '/admin#/open',
  '\\admin',
  '/admin\\',
  'http://localhost/admin',
  'http://localhost//admin',
  '*',
];

attack('A path that is written otherwise', (victim) => {
  const statusOf = async (method: string, target: string, token?: string) => {
    const lines = [`${method} ${target} HTTP/1.1`, 'host: localhost', 'connection: close'];
    if (token !== undefined) lines.push(`authorization: Bearer ${token}`);
    const answer = await victim.client.raw(`${lines.join('\r\n')}\r\n\r\n`);
    expect(answer).not.toContain('"vault"');
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
  };

  it.each(
    VARIANTS.flatMap((target) =>
      ['GET', 'HEAD', 'get', 'POST', 'OPTIONS', 'PROPFIND'].map((method) => [method, target]),
    ),
  )('(%s %s) reaches no handler past its rules', async (method, target) => {
    const status = await statusOf(method as string, target as string);
    expect([400, 401, 404, 405, 501]).toContain(status);
    const asCustomer = await statusOf(method as string, target as string, victim.tokens.issue({ roles: ['customer'] }));
    expect([400, 403, 404, 405, 501]).toContain(asCustomer);
  });

  it('while the path itself is open to whom it is meant for', async () => {
    const answer = await victim.client.withToken('/admin', victim.tokens.issue({ roles: ['admin'] }));
    expect(answer.body).toEqual({ vault: 'open' });
  });
});
