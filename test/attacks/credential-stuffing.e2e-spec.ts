import { beforeEach, expect, it } from '@jest/globals';
import { ACCOUNTS, Login, signIn, takeLooked } from './login-victim.js';
import { attackEdge } from './edge-victim.js';

const STOLEN = [...ACCOUNTS.keys()];

/** Each test attacks from addresses of its own, and other accounts. */
let round = 0;
beforeEach(() => {
  round++;
  takeLooked();
});

const subject = { security: { proxy: { trust: 1 } }, controllers: [Login] };

attackEdge('A list of stolen passwords', subject, (victim) => {
  const addressOf = (index: number) => `203.${round}.${index >> 8}.${index & 0xff}`;
  const accounts = (count: number) => STOLEN.slice(round * 20, round * 20 + count);

  it('tried from one address is looked at for twenty accounts, and for none after that', async () => {
    const answers: number[] = [];
    for (const email of STOLEN.slice(0, 100)) {
      answers.push((await signIn(victim, email, 'stolen', addressOf(0))).status);
    }
    expect(answers.filter((status) => status === 401)).toHaveLength(20);
    expect(takeLooked()).toBe(20);
    // Also where it would have been right.
    const lucky = await signIn(victim, STOLEN[150] as string, 'right-150', addressOf(0));
    victim.expectRefused(lucky, 'account_locked');
  });

  it('tried from one subnet of IPv6 is as one address', async () => {
    for (let i = 0; i < 60; i++) {
      await signIn(victim, STOLEN[i] as string, 'stolen', `2001:db8:${round}:1:${i}::${i}`);
    }
    expect(takeLooked()).toBe(20);
  });

  it('tried at once is looked at no more often', async () => {
    await Promise.all(STOLEN.slice(0, 100).map((email) => signIn(victim, email, 'stolen', addressOf(0))));
    expect(takeLooked()).toBeLessThanOrEqual(20);
  });

  it('is not helped by an account of the attacker in between', async () => {
    const own = STOLEN[199] as string;
    for (let i = 0; i < 100; i++) {
      await signIn(victim, STOLEN[i] as string, 'stolen', addressOf(0));
      if (i % 3 === 0) await signIn(victim, own, 'right-199', addressOf(0));
    }
    Login.looked.delete(own);
    expect(takeLooked()).toBe(20);
  });

  it('tried from a thousand addresses is looked at twenty times an account', async () => {
    const tried = accounts(3);
    for (let i = 0; i < 300; i++) {
      await signIn(victim, tried[i % tried.length] as string, `guess-${i}`, addressOf(i + 1));
    }
    for (const email of tried) expect(Login.looked.get(email)).toBe(20);
  });

  it('spelt in many ways is one account', async () => {
    const [email = ''] = accounts(1);
    const spellings = [email, email.toUpperCase(), ` ${email}`, `${email}\t`, email.replace('u', 'ｕ')];
    for (let i = 0; i < 100; i++) {
      await signIn(victim, spellings[i % spellings.length] as string, 'guess', addressOf(i + 1));
    }
    expect(takeLooked()).toBe(20);
  });

  it('is not helped by a client that writes where it comes from', async () => {
    for (let i = 0; i < 60; i++) {
      // The proxy appends the true one.
      await signIn(victim, STOLEN[i] as string, 'stolen', `198.51.100.${i}, ${addressOf(0)}`, [
        ['X-Real-IP', `198.51.100.${i}`],
        ['Forwarded', `for=198.51.100.${i}`],
      ]);
    }
    expect(takeLooked()).toBe(20);
  });

  it('learns nothing of which accounts there are', async () => {
    const answersFor = async (email: string, from: number) => {
      const answers: unknown[] = [];
      for (let i = 0; i < 30; i++) {
        const { status, text, headers } = await signIn(victim, email, 'guess', addressOf(from + (i >> 2)));
        answers.push([status, text, headers['retry-after'] === undefined]);
      }
      return answers;
    };
    const [email = ''] = accounts(1);
    expect(await answersFor(email, 100)).toEqual(await answersFor('nobody@bank.example', 200));
  });
});
