import { All, Controller, Delete, Get, Post, Version, VersioningType, type INestApplication } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Cors, Public, type CorsOptions } from '@palisade/nest';
import type { HttpAnswer } from '../support/http-client.js';
import { attackEdge, EVIL, type EdgeVictim } from './edge-victim.js';

const ANYBODY: CorsOptions = { origins: '*', methods: '*', headers: '*' };
/** Stands in every answer that pages of others must not get. */
const VAULT = { vault: 'open' };

@Controller()
@Public()
class Routes {
  @All('open')
  @Cors(ANYBODY)
  open() {
    return {};
  }

  @Get('mixed')
  @Cors(ANYBODY)
  readMixed() {
    return {};
  }

  @Delete('mixed')
  deleteMixed() {
    return VAULT;
  }

  @All('vault')
  vault() {
    return VAULT;
  }

  @All('versioned')
  @Version('1')
  @Cors(ANYBODY)
  first() {
    return {};
  }

  @All('versioned')
  @Version('2')
  second() {
    return VAULT;
  }

  /** Where the router tells letters apart, it takes what the other does not. */
  @All('pages/open')
  @Cors(ANYBODY)
  page() {
    return {};
  }

  @All('pages/:name')
  pageOf() {
    return VAULT;
  }

  @All('shops/:name')
  @Cors(ANYBODY)
  shop() {
    return {};
  }

  @All('shops/:name/till')
  till() {
    return VAULT;
  }

  @Post('shops/closed')
  closed() {
    return VAULT;
  }

  @All('wild/*')
  @Cors(ANYBODY)
  wild() {
    return {};
  }

  @All('wild/vault')
  wildVault() {
    return VAULT;
  }
}

const TARGETS = [
  '/open',
  '/OPEN',
  '/open/',
  '/%6fpen',
  '/vault',
  '/VAULT',
  '/vault/',
  '/%76ault',
  '/vault?/open',
  '/vault#/open',
  '//vault',
  '/open/../vault',
  '/open/%2e%2e/vault',
  '/open;/../vault',
  '/vault;/open',
  '/open%2f..%2fvault',
  'http://bank.example/vault',
  'http://bank.example/open',
  'http://bank.example/%76ault',
  '/mixed',
  '/MIXED',
  '/mixed/',
  '/versioned',
  '/VERSIONED/',
  '/pages/open',
  '/pages/OPEN',
  '/pages/open/',
  '/pages/%6fpen',
  '/pages/other',
  '/PAGES/open',
  '/shops/one',
  '/shops/closed',
  '/shops/CLOSED',
  '/shops/%63losed',
  '/shops/one/till',
  '/shops/one/TILL',
  '/shops/till/till',
  '/wild/one',
  '/wild/vault',
  '/wild/VAULT',
  '/wild/%76ault',
  '/wild/vault/',
  '/nowhere',
];

const ORIGIN = ['Origin', `https://${EVIL}`] as const;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The check of a browser (Fetch Standard, "CORS-preflight fetch"), for a header field that needs leave. */
function allows({ status, headers }: HttpAnswer, method: string, field: string): boolean {
  const listed = (name: string) => String(headers[name] ?? '').split(/, ?/);
  const methods = [...listed('access-control-allow-methods'), 'GET', 'HEAD', 'POST'];
  const fields = listed('access-control-allow-headers').map((name) => name.toLowerCase());
  return (
    status < 300 &&
    headers['access-control-allow-origin'] !== undefined &&
    (methods.includes(method) || methods.includes('*')) &&
    (fields.includes(field) || fields.includes('*'))
  );
}

/** As a browser goes about it: the request follows where the preflight allows it, and the page reads what it may. */
async function asPageOfOthers(victim: EdgeVictim, method: string, target: string, version: string, asked: string) {
  const versioned = ['X-Version', version] as const;
  const preflight = await victim.call(target, {
    method: 'OPTIONS',
    headers: [ORIGIN, ['Access-Control-Request-Method', method], ['Access-Control-Request-Headers', asked]],
  });
  const allowed = allows(preflight, method, asked);
  const answer = await victim.call(target, { method, headers: [ORIGIN, versioned] });
  return {
    readable: answer.headers['access-control-allow-origin'] !== undefined,
    changed: allowed && method !== 'GET' && method !== 'HEAD' && answer.text.includes('vault'),
    opened: answer.text.includes('vault'),
  };
}

const configure = (app: INestApplication) =>
  void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });

const STRICT: CorsOptions = { origins: ['https://app.bank.example'], methods: ['GET', 'POST', 'DELETE'] };

for (const [rule, cors] of [
  ['where the others have a rule', STRICT],
  ['where the others have none', undefined],
] as const) {
  for (const [setting, router] of [
    ['', undefined],
    [
      ', under a lenient router',
      { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, useSemicolonDelimiter: true },
    ],
  ] as const) {
    const subject = { security: { cors, hosts: ['bank.example'] }, controllers: [Routes], configure, router };
    attackEdge(`Leave that one route gives to every origin, ${rule}${setting},`, subject, (victim) => {
      it.each(TARGETS)('opens no other by way of %s', async (target) => {
        for (const version of /versioned/i.test(target) ? ['1', '2', '3'] : ['1']) {
          for (const method of METHODS) {
            const { readable, changed, opened } = await asPageOfOthers(victim, method, target, version, 'x-version');
            expect({ method, version, changed }).toEqual({ method, version, changed: false });
            expect({ method, version, leaked: readable && opened }).toEqual({ method, version, leaked: false });
          }
        }
      });

      it.each(['/vault', '/shops/one/till', '/pages/other'])('is not had for a preflight of %s', async (target) => {
        for (const method of [...METHODS, 'get', 'GET, DELETE', '*', '']) {
          const answer = await victim.call(target, {
            method: 'OPTIONS',
            headers: [ORIGIN, ['Access-Control-Request-Method', method]],
          });
          expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
        }
      });

      it('while it is had where it was given', async () => {
        for (const target of ['/open', '/pages/open', '/shops/one', '/wild/one']) {
          const answer = await victim.call(target, {
            method: 'OPTIONS',
            headers: [ORIGIN, ['Access-Control-Request-Method', 'DELETE']],
          });
          expect(answer.headers['access-control-allow-origin']).toBe('*');
          const read = await victim.call(target, { headers: [ORIGIN] });
          expect([read.status, read.headers['access-control-allow-origin']]).toEqual([200, '*']);
        }
      });
    });
  }
}
