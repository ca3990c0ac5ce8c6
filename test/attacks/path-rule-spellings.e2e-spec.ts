import { Controller, Get } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Public, SecurityEvents, SecurityModule, type SecurityEvent } from '@palisade/nest';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';

@Controller()
@Public()
class Home {
  @Get()
  home() {
    return {};
  }
}

/** One path, as different readers let it be written; `~` stands for the rest of the path, behind the first letter. */
const SPELLINGS: readonly (readonly [name: string, spell: (path: string) => string])[] = [
  ['as it is', (path) => path],
  ['with a query', (path) => `${path}?redirect=/`],
  ['with an encoded letter', (path) => path.replace('w', '%77')],
  ['with every letter encoded', (path) => path.replace(/[a-z]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
  ['with hexadecimal digits in upper case', (path) => path.replace('n', '%6E')],
  ['with hexadecimal digits in lower case', (path) => path.replace('n', '%6e')],
  ['with an encoded hyphen and dot', (path) => path.replace('-', '%2D').replace('.', '%2e')],
  ['behind two slashes', (path) => `/${path}`],
  ['behind a dot', (path) => `/.${path}`],
  ['behind an encoded dot', (path) => `/%2e${path}`],
  ['behind two dots', (path) => `/static/..${path}`],
  ['behind two encoded dots', (path) => `/static/%2E%2e${path}`],
  ['behind two dots at the root', (path) => `/..${path}`],
  ['behind two dots with a parameter', (path) => `/static/..;${path}`],
  ['with a parameter', (path) => `${path};jsessionid=1`],
  ['in absolute form', (path) => `http://bank.example${path}`],
  ['in absolute form, encoded', (path) => `http://bank.example${path.replace('w', '%77')}?x`],
  ['with a fragment', (path) => `${path}#x`],
];

/** What rules by path compare in letters of either case, and with a slash at the end or without. */
const OF_HONEYPOTS: typeof SPELLINGS = [
  ['in other letters', (path) => path.toUpperCase()],
  ['in other letters, encoded', (path) => path.replace('w', '%57')],
  ['with a slash at the end', (path) => `${path}/`],
  ['with a dot at the end', (path) => `${path}/.`],
];

describe.each(ADAPTERS)('A rule by path on %s', (adapter) => {
  let running: RunningApplication;
  let events: SecurityEvent[];

  beforeEach(async () => {
    running = await startApplication(adapter, {
      imports: [
        SecurityModule.forRoot({
          bans: {
            honeypots: ['/wp-login.php', '/wp-admin/*'],
            rules: [{ name: 'probes', matches: ({ path }) => path === '/wp-config.php', maxRetry: 1 }],
            track: [{ name: 'shells', matches: ({ path }) => path === '/wp-shell.php' }],
          },
          // What it refuses by itself would not show what a rule says.
          firewall: false,
          headers: { reporting: { path: '/.well-known/csp' } },
        }),
      ],
      controllers: [Home],
    });
    events = [];
    running.app.get(SecurityEvents).subscribe((event) => events.push(event));
  });
  afterEach(() => running.close());

  async function ask(target: string, method = 'GET', more = ''): Promise<string> {
    const head = `${method} ${target} HTTP/1.1\r\nHost: bank.example\r\nConnection: close\r\n${more}\r\n`;
    return running.client.raw(Buffer.from(head, 'latin1'));
  }

  it.each([...SPELLINGS, ...OF_HONEYPOTS])('bans who asks for a honeypot, %s', async (_, spell) => {
    expect(await ask(spell('/wp-login.php'))).toContain('"code":"request_banned"');
    expect(await ask('/')).toContain('"code":"address_banned"');
  });

  it.each([...SPELLINGS, ...OF_HONEYPOTS])('bans who asks for what is below one, %s', async (_, spell) => {
    expect(await ask(spell('/wp-admin/install.php'))).toContain('"code":"request_banned"');
    expect(await ask('/')).toContain('"code":"address_banned"');
  });

  it.each(SPELLINGS)('is asked about one path, %s', async (_, spell) => {
    expect(await ask(spell('/wp-config.php'))).toContain('"code":"request_banned"');
    expect(await ask('/')).toContain('"code":"address_banned"');
  });

  it.each(SPELLINGS)('tracks one path, %s', async (_, spell) => {
    await ask(spell('/wp-shell.php'));
    expect(events.filter(({ type }) => type === 'tracked')).toHaveLength(1);
  });

  it.each(SPELLINGS)('takes reports of violations at one path, %s', async (_, spell) => {
    expect(await ask(spell('/.well-known/csp'), 'POST', 'Content-Length: 0\r\n')).toMatch(/^HTTP\/1\.1 415 /);
    expect(await ask(spell('/.well-known/csx'), 'POST', 'Content-Length: 0\r\n')).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each(['/wp-login', '/wp-login.phpx', '/a/wp-login.php', '/%2577p-login.php', '/wp-login%2Ephp%20', '/wp-admin'])(
    'leaves other paths alone: %s',
    async (path) => {
      await ask(path);
      expect(await ask('/')).toMatch(/^HTTP\/1\.1 200 /);
    },
  );
});
