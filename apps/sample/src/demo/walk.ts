import { randomUUID } from 'node:crypto';
import { column, field, type Answer } from './answer.js';
import { relabelled, signedWithPublicKey, tampered, unsigned } from './forgeries.js';
import type { Visitor } from './visitor.js';

const HOUR = 60 * 60 * 1000;
const invalidToken = (description: string) => `Bearer error="invalid_token", error_description="${description}"`;
const insufficient = (description: string) => `Bearer error="insufficient_scope", error_description="${description}"`;
const invalidRequest = (description: string) => `Bearer error="invalid_request", error_description="${description}"`;

const get = (path: string, token?: string) => ({ method: 'GET', path, token }) as const;
const firstId = (answer: Answer) => String(column(answer, 'id')[0]);

const signIn = (form: Readonly<Record<string, string>>) => ({ method: 'POST', path: '/auth/token', form }) as const;
const open = (token: string) =>
  ({ method: 'POST', path: '/accounts', token, json: { owner: 'bob', openingBalance: 1_000 } }) as const;

/** The accounts that the steps are about. */
export interface Accounts {
  readonly alices: string;
  readonly bobs: string;
  /** What Alice has before anything moves, in cents. */
  readonly balance: number;
}

export async function wayIn(visitor: Visitor): Promise<void> {
  visitor.heading('The way in');
  await visitor.shows('The health check is public.', get('/health'), { status: 200 });
  await visitor.shows('Everything else asks who is there.', get('/accounts'), {
    status: 401,
    code: 'credentials_missing',
    challenge: 'Bearer',
  });
  const isInvalidGrant = ['invalid_grant', (answer: Answer) => field(answer, 'error') === 'invalid_grant'] as const;
  const wrong = await visitor.shows('A wrong password gets no token.', signIn(visitor.signInForm('alice', 'wrong')), {
    status: 400,
    and: [isInvalidGrant],
  });
  await visitor.shows('Nor does an unknown name, and the answer is the same.', signIn(visitor.signInForm('mallory')), {
    status: 400,
    and: [isInvalidGrant, ['the same body', ({ text }) => text === wrong.text]],
  });
  const token = await visitor.signIn('alice', 'Alice signs in (RFC 6749).');
  await visitor.shows('Now the bank knows her.', get('/me', token), {
    status: 200,
    and: [['a customer', (answer) => JSON.stringify(field(answer, 'roles')) === '["customer"]']],
  });
}

export async function accounts(visitor: Visitor): Promise<Accounts> {
  visitor.heading('Whose account');
  const alice = await visitor.tokenOf('alice');
  const bob = await visitor.tokenOf('bob');
  const bobs = firstId(await visitor.shows('Bob has an account.', get('/accounts', bob), { status: 200 }));
  const own = await visitor.shows('Alice sees her own account only.', get('/accounts', alice), {
    status: 200,
    and: [['one account, not Bob’s', (answer) => column(answer, 'id').length === 1 && firstId(answer) !== bobs]],
  });
  const alices = firstId(own);
  await visitor.shows('She may read it.', get(`/accounts/${alices}`, alice), {
    status: 200,
    and: [['her account', (answer) => field(answer, 'id') === alices]],
  });
  const hidden = await visitor.shows('Bob’s account does not exist for her.', get(`/accounts/${bobs}`, alice), {
    status: 404,
    code: 'account_not_found',
  });
  await visitor.shows('One that nobody has is answered alike.', get(`/accounts/${randomUUID()}`, alice), {
    status: 404,
    code: 'account_not_found',
    and: [['the same body', ({ text }) => text === hidden.text]],
  });
  await visitor.shows('Tess, a teller, sees every account.', get('/accounts', await visitor.tokenOf('tess')), {
    status: 200,
    and: [['both accounts', (answer) => [alices, bobs].every((id) => column(answer, 'id').includes(id))]],
  });
  return { alices, bobs, balance: Number(column(own, 'balance')[0]) };
}

export async function roles(visitor: Visitor): Promise<void> {
  visitor.heading('Roles and permissions');
  await visitor.shows('Alice may not open accounts: that takes a teller.', open(await visitor.tokenOf('alice')), {
    status: 403,
    code: 'role_missing',
    challenge: insufficient('The caller lacks the role'),
  });
  await visitor.shows('Tess may.', open(await visitor.tokenOf('tess')), { status: 201 });
  await visitor.shows('Nor may Tess see the users.', get('/admin/users', await visitor.tokenOf('tess')), {
    status: 403,
    code: 'role_missing',
    challenge: insufficient('The caller lacks the role'),
  });
  await visitor.shows(
    'Root may; hashes of passwords never leave.',
    get('/admin/users', await visitor.tokenOf('root')),
    {
      status: 200,
      and: [
        ['five users', (answer) => column(answer, 'username').length === 5],
        ['no hash', ({ text }) => !/argon2|password/i.test(text)],
      ],
    },
  );
  await visitor.shows('An auditor looks, but moves no money.', get('/transfers', await visitor.tokenOf('audrey')), {
    status: 403,
    code: 'permission_missing',
    challenge: insufficient('The caller lacks the permission'),
  });
}

export async function maskedField(visitor: Visitor, { alices }: Accounts): Promise<void> {
  visitor.heading('One account, two views');
  await visitor.shows('An auditor sees the risk note.', get(`/accounts/${alices}`, await visitor.tokenOf('audrey')), {
    status: 200,
    and: [['with the note', (answer) => typeof field(answer, 'riskNote') === 'string']],
  });
  await visitor.shows(
    'The customer gets the same without it.',
    get(`/accounts/${alices}`, await visitor.tokenOf('alice')),
    {
      status: 200,
      and: [['no note', ({ text }) => !text.includes('riskNote')]],
    },
  );
}

export async function forgedTokens(visitor: Visitor): Promise<void> {
  visitor.heading('Tokens that are not good');
  const token = await visitor.tokenOf('alice');
  await visitor.shows('Alice makes herself an admin.', get('/admin/users', tampered(token, { roles: ['admin'] })), {
    status: 401,
    code: 'token_signature_invalid',
    challenge: invalidToken('The signature of the access token is not valid'),
  });
  const algorithmRefused = {
    status: 401,
    code: 'token_algorithm_refused',
    challenge: invalidToken('The access token is signed with an algorithm that is not accepted'),
  };
  await visitor.shows(
    'A token that says it needs no signature (alg none), and has none.',
    get('/me', unsigned(token)),
    {
      status: 401,
      code: 'token_malformed',
      challenge: invalidToken('The access token is malformed'),
    },
  );
  await visitor.shows(
    'The same with a signature, which it says not to check.',
    get('/me', relabelled(token)),
    algorithmRefused,
  );
  const confused = signedWithPublicKey(token, visitor.configuration.signingKey.publicKey);
  await visitor.shows('One signed with the public key as a shared secret.', get('/me', confused), algorithmRefused);
  const user = { id: randomUUID(), roles: ['admin'] };
  const old = await visitor.ledger.tokens.issue(user, new Date(Date.now() - HOUR));
  await visitor.shows('One that the bank itself signed, an hour ago.', get('/me', old.value), {
    status: 401,
    code: 'token_expired',
    challenge: invalidToken('The access token has expired'),
  });
  await visitor.shows(
    'A malformed header.',
    { method: 'GET', path: '/me', lines: [['Authorization', 'Bearer not one token']] },
    { status: 400, code: 'credentials_malformed', challenge: invalidRequest('The credentials are malformed') },
  );
  await visitor.shows(
    'Two Authorization lines, the first of them good.',
    { method: 'GET', path: '/me', token, lines: [['Authorization', 'Bearer another']] },
    {
      status: 400,
      code: 'credentials_repeated',
      challenge: invalidRequest('The request carries more than one credential'),
    },
  );
}

export async function badInput(visitor: Visitor): Promise<void> {
  visitor.heading('Bodies that are not good');
  const post = { method: 'POST', path: '/accounts', token: await visitor.tokenOf('tess') } as const;
  await visitor.shows(
    'A property that nobody asked for.',
    { ...post, json: { owner: 'bob', openingBalance: 1, isFavourite: true } },
    { status: 400, code: 'validation_failed' },
  );
  await visitor.shows(
    'A value of the wrong type.',
    { ...post, json: { owner: 'bob', openingBalance: 'a lot' } },
    { status: 400, code: 'validation_failed' },
  );
  await visitor.shows('What is no JSON.', { ...post, json: '{"owner": bob' }, { status: 400, code: 'body_malformed' });
}

export async function transfers(visitor: Visitor, { alices, bobs, balance }: Accounts): Promise<void> {
  visitor.heading('Money');
  const token = await visitor.tokenOf('alice');
  const post = (json: object, key?: string) =>
    ({
      method: 'POST',
      path: '/transfers',
      token,
      lines: key === undefined ? [] : [['Idempotency-Key', key] as const],
      json,
    }) as const;
  const order = { from: alices, to: bobs, amount: 2_500, reference: 'Dinner' };
  await visitor.shows('A transfer needs an Idempotency-Key.', post(order), {
    status: 400,
    code: 'idempotency_key_missing',
  });
  const first = await visitor.shows('Alice sends Bob 25.00.', post(order, 'dinner-1'), {
    status: 201,
    and: [['booked', (answer) => field(answer, 'amount') === 2_500]],
  });
  await visitor.shows('The line broke, she sends it again: nothing is booked twice.', post(order, 'dinner-1'), {
    status: 201,
    and: [
      ['the same answer', ({ text }) => text === first.text],
      ['marked as a replay', ({ headers }) => headers['idempotency-replayed'] === 'true'],
    ],
  });
  await visitor.shows('The same key for another amount is a mistake.', post({ ...order, amount: 1 }, 'dinner-1'), {
    status: 422,
    code: 'idempotency_key_reused',
  });
  await visitor.shows('More than there is.', post({ ...order, amount: balance }, 'dinner-2'), {
    status: 409,
    code: 'insufficient_funds',
  });
  await visitor.shows('From Bob’s account.', post({ from: bobs, to: alices, amount: 1 }, 'dinner-3'), {
    status: 404,
    code: 'account_not_found',
  });
  await visitor.shows('In the end the money moved once.', get(`/accounts/${alices}`, token), {
    status: 200,
    and: [['25.00 less', (answer) => field(answer, 'balance') === balance - 2_500]],
  });
}
