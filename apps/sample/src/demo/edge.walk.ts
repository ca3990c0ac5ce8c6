import { SecurityEvents, type CspViolation } from '@palisade/nest';
import { field, headerOf, type Answer } from './answer.js';
import type { Call } from './call.js';
import type { Promised } from './promise.js';
import type { Visitor } from './visitor.js';
import type { Accounts } from './walk.js';

/** The one origin whose pages may call the Ledger of these steps. */
export const APP_ORIGIN = 'https://app.ledger.example';
/** The name that the Ledgers behind a proxy are reached by. */
export const BANK = 'ledger.example';

const HSTS = 'max-age=31536000; includeSubDomains';
const OVER_TLS = ['X-Forwarded-Proto', 'https'] as const;
const EVIL = 'https://evil.example';

const get = (path: string, lines: Call['lines'] = []) => ({ method: 'GET', path, lines }) as const;

export async function unwelcome(visitor: Visitor): Promise<void> {
  visitor.heading('Before anybody asks who is there');
  await visitor.shows(
    'A host that the bank does not go by.',
    { ...get('/health'), host: 'evil.example' },
    {
      status: 400,
      code: 'host_refused',
    },
  );
  await visitor.shows(
    'Nobody’s word on X-Forwarded-* counts here: no proxy is trusted.',
    get('/health', [['X-Forwarded-Host', 'evil.example'], OVER_TLS, ['X-Forwarded-For', '203.0.113.9']]),
    { status: 200, headers: { 'Strict-Transport-Security': undefined } },
  );
  const targets: readonly (readonly [words: string, path: string, code: string])[] = [
    ['A path that climbs.', '/accounts/../admin/users', 'target_not_normalized'],
    ['The same, encoded.', '/accounts/..%2fadmin/users', 'target_not_normalized'],
    ['Two slashes, which some readers take for one.', '//admin/users', 'target_not_normalized'],
    ['A semicolon, behind which some readers stop.', '/admin/users;x=1', 'target_not_normalized'],
    ['A percent sign that encodes nothing.', '/accounts/%zz', 'target_malformed'],
  ];
  for (const [words, path, code] of targets) await visitor.shows(words, get(path), { status: 400, code });
  await visitor.shows('A parameter that comes twice.', get('/accounts?limit=1&limit=200'), {
    status: 400,
    code: 'parameter_repeated',
  });
  const post = { method: 'POST', path: '/accounts', token: await visitor.tokenOf('tess') } as const;
  await visitor.shows(
    'A body beyond all measure.',
    { ...post, json: 'x'.repeat(20_000) },
    {
      status: 413,
      code: 'body_too_large',
    },
  );
  await visitor.shows(
    'JSON that does not say so.',
    { ...post, lines: [['Content-Type', 'text/plain']], json: '{"owner":"bob","openingBalance":1}' },
    { status: 415, code: 'content_type_unsupported' },
  );
  await visitor.shows('Even what is not there is answered with all the headers.', get('/nothing-here'), {
    status: 404,
    headers: {
      'Content-Security-Policy':
        "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none';report-uri /csp-reports;report-to csp",
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cache-Control': 'no-store',
      'X-Powered-By': undefined,
      Server: undefined,
    },
  });
}

export async function otherOrigins(visitor: Visitor): Promise<void> {
  visitor.heading('Pages of other origins');
  const preflight = (path: string, origin: string, method: string): Call => ({
    method: 'OPTIONS',
    path,
    lines: [
      ['Origin', origin],
      ['Access-Control-Request-Method', method],
      ['Access-Control-Request-Headers', 'authorization,content-type,idempotency-key'],
    ],
  });
  await visitor.shows(
    'The app’s page asks whether it may send a transfer.',
    preflight('/transfers', APP_ORIGIN, 'POST'),
    {
      status: 204,
      headers: {
        'Access-Control-Allow-Origin': APP_ORIGIN,
        'Access-Control-Allow-Credentials': undefined,
        'Access-Control-Max-Age': '600',
      },
    },
  );
  const unreadable = { 'Access-Control-Allow-Origin': undefined };
  await visitor.shows('Somebody else’s page may not.', preflight('/transfers', EVIL, 'POST'), {
    status: 403,
    code: 'cors_origin_refused',
    headers: unreadable,
  });
  await visitor.shows('Nor one whose name ends alike.', preflight('/transfers', `${APP_ORIGIN}.evil.example`, 'POST'), {
    status: 403,
    code: 'cors_origin_refused',
    headers: unreadable,
  });
  await visitor.shows(
    'Nor may the app use a method it has no need of.',
    preflight('/transfers', APP_ORIGIN, 'DELETE'),
    {
      status: 403,
      code: 'cors_method_refused',
    },
  );
  await visitor.shows('The app can read why it was turned away.', get('/accounts', [['Origin', APP_ORIGIN]]), {
    status: 401,
    code: 'credentials_missing',
    challenge: 'Bearer',
    headers: { 'Access-Control-Allow-Origin': APP_ORIGIN, Vary: 'Origin' },
  });
  await visitor.shows('The health check is for any page to read.', get('/health', [['Origin', EVIL]]), {
    status: 200,
    headers: { 'Access-Control-Allow-Origin': '*' },
  });
}

export async function page(visitor: Visitor): Promise<void> {
  visitor.heading('A page');
  const nonces = new Set<string>();
  const nonceOf = (answer: Answer) => /'nonce-([^']+)'/.exec(headerOf(answer, 'Content-Security-Policy') ?? '')?.[1];
  const promised: Promised = {
    status: 200,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    and: [
      [
        'its policy lets in the one script that it brings',
        (answer) => answer.text.includes(`<script nonce="${nonceOf(answer) ?? ''}">`),
      ],
      ['with a nonce that was never used', (answer) => !nonces.has(nonceOf(answer) ?? '')],
    ],
  };
  const first = await visitor.shows('The bank’s own page.', get('/'), promised);
  nonces.add(nonceOf(first) ?? '');
  await visitor.shows('The same again.', get('/'), promised);
  const violations: CspViolation[] = [];
  const events = visitor.ledger.app.get(SecurityEvents, { strict: false });
  const unsubscribe = events.subscribe((event) => event.type === 'csp_violation' && violations.push(event.violation));
  const report = {
    'document-uri': 'http://127.0.0.1/',
    'effective-directive': 'script-src-elem',
    'violated-directive': 'script-src-elem',
    'blocked-uri': 'https://evil.example/steal.js?who=alice',
    'original-policy': "default-src 'none'",
    disposition: 'enforce',
  };
  await visitor.shows(
    'A browser reports a script that it kept from running.',
    {
      method: 'POST',
      path: '/csp-reports',
      lines: [['Content-Type', 'application/csp-report']],
      json: { 'csp-report': report },
    },
    {
      status: 204,
      and: [['an event, without the query of the address', () => violations[0]?.blockedUri === EVIL]],
    },
  );
  unsubscribe();
}

export async function session(visitor: Visitor, { alices, bobs }: Accounts): Promise<void> {
  visitor.heading('A session in a cookie, and who may use it');
  const signIn: Call = { method: 'POST', path: '/session', json: visitor.credentials('alice') };
  await visitor.shows(
    'Another site signs the user in, as somebody of its choice.',
    {
      ...signIn,
      lines: [
        ['Sec-Fetch-Site', 'cross-site'],
        ['Origin', EVIL],
      ],
    },
    { status: 403, code: 'csrf_cross_origin', headers: { 'Set-Cookie': undefined } },
  );
  const cookie = cookieOf(
    await visitor.shows('Alice signs in on the bank’s own page.', signIn, { status: 204, and: [CLOSED_COOKIE] }),
  );
  const shown = await visitor.shows(
    'Her page asks for its CSRF token.',
    { ...get('/session'), cookie },
    {
      status: 200,
      headers: { 'Cache-Control': 'no-store' },
      and: [['a token', (answer) => typeof field(answer, 'csrfToken') === 'string']],
    },
  );
  const csrfToken = ['X-CSRF-Token', String(field(shown, 'csrfToken'))] as const;
  const order = (...lines: NonNullable<Call['lines']>): Call => ({
    method: 'POST',
    path: '/transfers',
    cookie,
    lines: [['Idempotency-Key', 'from-the-page'], ...lines],
    json: { from: alices, to: bobs, amount: 100 },
  });
  await visitor.shows(
    'Another site has her browser send money.',
    order(['Sec-Fetch-Site', 'cross-site'], ['Origin', EVIL]),
    {
      status: 403,
      code: 'csrf_cross_origin',
    },
  );
  await visitor.shows('Even with her token.', order(['Sec-Fetch-Site', 'same-site'], csrfToken), {
    status: 403,
    code: 'csrf_cross_origin',
  });
  const own = ['Sec-Fetch-Site', 'same-origin'] as const;
  await visitor.shows('Her own page forgot the token.', order(own), { status: 403, code: 'csrf_token_missing' });
  await visitor.shows('Or has one that the bank never made.', order(own, ['X-CSRF-Token', 'guessed']), {
    status: 403,
    code: 'csrf_token_invalid',
  });
  await visitor.shows('Her own page, with the token.', order(own, csrfToken), {
    status: 201,
    and: [['booked', (answer) => field(answer, 'amount') === 100]],
  });
}

/** A Ledger that believes the proxy on its own machine, and rejects whatever came to that without TLS. */
export async function behindProxy(visitor: Visitor): Promise<void> {
  visitor.heading('Behind a proxy that ends TLS: plain requests are rejected');
  const health = { ...get('/health'), host: BANK };
  await visitor.shows(
    'A program that forgot the s of https.',
    { ...get('/accounts'), host: BANK },
    {
      status: 403,
      code: 'https_required',
    },
  );
  await visitor.shows('A probe needs no TLS for the health check.', health, {
    status: 200,
    headers: { 'Strict-Transport-Security': undefined },
  });
  await visitor.shows(
    'Over TLS, as the proxy says, browsers are told to stay there.',
    { ...health, lines: [OVER_TLS] },
    {
      status: 200,
      headers: { 'Strict-Transport-Security': HSTS },
    },
  );
  await visitor.shows(
    'The proxy says which host was asked for; that one is checked.',
    { ...health, lines: [OVER_TLS, ['X-Forwarded-Host', 'evil.example']] },
    { status: 400, code: 'host_refused' },
  );
  const signIn: Call = {
    method: 'POST',
    path: '/session',
    host: BANK,
    lines: [OVER_TLS],
    json: visitor.credentials('alice'),
  };
  const cookie = cookieOf(await visitor.shows('Alice signs in.', signIn, { status: 204, and: [CLOSED_COOKIE] }));
  await visitor.shows(
    'She signs out, and her browser forgets all of the bank.',
    { method: 'DELETE', path: '/session', host: BANK, cookie, lines: [OVER_TLS, ['Sec-Fetch-Site', 'same-origin']] },
    {
      status: 204,
      headers: { 'Clear-Site-Data': '"cache", "cookies", "storage"' },
      and: [['the cookie ends', (answer) => /=; Max-Age=0;/.test(headerOf(answer, 'Set-Cookie') ?? '')]],
    },
  );
}

/** A Ledger that redirects, and whose proxy is somewhere else: this visitor is not it. */
export async function pastProxy(visitor: Visitor): Promise<void> {
  visitor.heading('Past the proxy: plain requests are redirected');
  await visitor.shows(
    'The same path, over TLS.',
    { ...get('/accounts?limit=1'), host: BANK },
    {
      status: 308,
      headers: { Location: `https://${BANK}/accounts?limit=1`, 'Strict-Transport-Security': undefined },
    },
  );
  await visitor.shows(
    'A client that claims TLS is no proxy.',
    { ...get('/accounts', [OVER_TLS, ['X-Forwarded-Host', 'evil.example']]), host: BANK },
    { status: 308, headers: { Location: `https://${BANK}/accounts` } },
  );
  await visitor.shows(
    'Nobody is redirected to a host that is not the bank’s.',
    { ...get('/'), host: 'evil.example' },
    {
      status: 400,
      code: 'host_refused',
      headers: { Location: undefined },
    },
  );
}

const CLOSED_COOKIE = [
  'a cookie for this host alone, that no script reads and no other site has sent',
  (answer: Answer) =>
    /^__Host-[^;]+; Max-Age=900; Path=\/; Secure; HttpOnly; SameSite=Strict$/.test(
      headerOf(answer, 'Set-Cookie') ?? '',
    ),
] as const;

function cookieOf(answer: Answer): string {
  return headerOf(answer, 'Set-Cookie')?.split(';', 1)[0] ?? '';
}
