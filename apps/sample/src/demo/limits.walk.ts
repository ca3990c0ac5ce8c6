import { field, headerOf, type Answer } from './answer.js';
import type { Visitor } from './visitor.js';

const GUESSES = ['password', '123456', 'letmein', 'qwerty'] as const;

const SAYS_WHEN = ['says when to come back', (answer: Answer) => Number(headerOf(answer, 'Retry-After')) >= 1] as const;

/** How often who may call: the last part of a walk, for Bob cannot sign in behind it. */
export async function limits(visitor: Visitor): Promise<void> {
  visitor.heading('Whoever guesses is stopped');
  const signIn = (username: string, password?: string) =>
    ({ method: 'POST', path: '/auth/token', form: visitor.signInForm(username, password) }) as const;
  const told = await visitor.shows('Every answer says how many requests are left.', signIn('tess'), {
    status: 200,
    and: [['the limits by name', (answer) => /"anonymous";r=\d+;t=\d+/.test(headerOf(answer, 'RateLimit') ?? '')]],
  });
  for (const guess of GUESSES) {
    await visitor.shows(`“${guess}”, for Bob.`, signIn('bob', guess), { status: 400 });
  }
  await visitor.shows(
    'After four guesses nothing from this address is looked at for Bob, not even what is right.',
    signIn('bob'),
    {
      status: 429,
      code: 'account_locked',
      and: [SAYS_WHEN],
    },
  );
  await visitor.shows('Spelt in another way he is the same.', signIn('BOB', 'secret'), {
    status: 429,
    code: 'account_locked',
  });
  await visitor.shows(
    'The other way in counts with it.',
    {
      method: 'POST',
      path: '/session',
      json: visitor.credentials('bob', 'secret'),
    },
    { status: 429, code: 'account_locked' },
  );
  await visitor.shows('Nobody but Bob is kept out.', signIn('tess'), {
    status: 200,
    and: [['another token', (answer) => field(answer, 'access_token') !== field(told, 'access_token')]],
  });

  visitor.heading('Whoever looks for holes is shown the door');
  await visitor.shows(
    'The bank has no WordPress.',
    { method: 'GET', path: '/wp-login.php' },
    {
      status: 403,
      code: 'request_banned',
    },
  );
  await visitor.shows(
    'Nor has it anything else for whoever asked.',
    { method: 'GET', path: '/health' },
    {
      status: 403,
      code: 'address_banned',
    },
  );
}
