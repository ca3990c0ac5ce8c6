import { beforeEach, expect, it } from '@jest/globals';
import { ACCOUNTS, Login, signIn, takeLooked } from './login-victim.js';
import { attackEdge } from './edge-victim.js';

let round = 0;
beforeEach(() => {
  round++;
  takeLooked();
});

const subject = { security: { proxy: { trust: 1 } }, controllers: [Login] };

attackEdge('An attacker who wants somebody else locked out', subject, (victim) => {
  const email = () => [...ACCOUNTS.keys()][round] as string;
  const right = () => ACCOUNTS.get(email()) as string;
  const HOME = () => `192.0.2.${round}`;
  const attackerAt = (index: number) => `203.${round}.113.${index}`;

  it('from one address locks the account for that address alone', async () => {
    for (let i = 0; i < 50; i++) await signIn(victim, email(), 'wrong', attackerAt(0));
    expect((await signIn(victim, email(), right(), attackerAt(0))).status).toBe(429);
    expect((await signIn(victim, email(), right(), HOME())).status).toBe(200);
  });

  it('from many addresses leaves in who signed in before, from where that was', async () => {
    expect((await signIn(victim, email(), right(), HOME())).status).toBe(200);
    for (let i = 0; i < 100; i++) await signIn(victim, email(), 'wrong', attackerAt(i));
    expect((await signIn(victim, email(), right(), '198.51.100.7')).status).toBe(429);
    for (let i = 0; i < 3; i++) expect((await signIn(victim, email(), right(), HOME())).status).toBe(200);
  });

  it('who shares the address of the victim locks it for that address, and no further', async () => {
    await signIn(victim, email(), right(), HOME());
    await signIn(victim, email(), right(), '198.51.100.8');
    for (let i = 0; i < 50; i++) await signIn(victim, email(), 'wrong', HOME());
    expect((await signIn(victim, email(), right(), HOME())).status).toBe(429);
    expect((await signIn(victim, email(), right(), '198.51.100.8')).status).toBe(200);
  });

  it('who fills an address with failures does not keep out who signs in from there', async () => {
    await signIn(victim, email(), right(), HOME());
    for (let i = 0; i < 100; i++) await signIn(victim, `other${i}@bank.example`, 'wrong', HOME());
    expect((await signIn(victim, email(), right(), HOME())).status).toBe(200);
  });

  it('does not become known by the address that he signs in to his own account from', async () => {
    const own = [...ACCOUNTS.keys()][150 + round] as string;
    await signIn(victim, own, ACCOUNTS.get(own) as string, attackerAt(0));
    takeLooked();
    for (let i = 1; i < 100; i++) await signIn(victim, email(), 'wrong', attackerAt(i));
    await signIn(victim, email(), 'wrong', attackerAt(0));
    expect(takeLooked()).toBe(20);
  });

  it('cannot write the address of somebody else', async () => {
    await signIn(victim, email(), right(), HOME());
    for (let i = 0; i < 30; i++) await signIn(victim, email(), 'wrong', `${HOME()}, ${attackerAt(0)}`);
    expect((await signIn(victim, email(), right(), HOME())).status).toBe(200);
  });
});
