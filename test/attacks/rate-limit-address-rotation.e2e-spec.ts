import { Controller, Get } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public, RateLimit } from '@palisade/nest';
import { attackEdge, type AttackCall, type EdgeVictim } from './edge-victim.js';

@Controller()
@Public()
class Login {
  @Get('login')
  @RateLimit('3/hour')
  login() {
    return {};
  }
}

const ATTEMPTS = 12;

/** How many of the attempts got through. */
async function passed(victim: EdgeVictim, callOf: (attempt: number) => AttackCall): Promise<number> {
  let count = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if ((await victim.call('/login', callOf(attempt))).status === 200) count++;
  }
  return count;
}

const ROTATIONS: readonly (readonly [string, (address: string) => NonNullable<AttackCall['headers']>])[] = [
  ['X-Forwarded-For', (address) => [['X-Forwarded-For', address]]],
  ['X-Forwarded-For in lists', (address) => [['X-Forwarded-For', `${address}, ${address}, 127.0.0.1`]]],
  [
    'X-Forwarded-For on two lines',
    (address) => [
      ['X-Forwarded-For', address],
      ['x-forwarded-for', address],
    ],
  ],
  ['X-FORWARDED-FOR', (address) => [['X-FORWARDED-FOR', address]]],
  ['Forwarded', (address) => [['Forwarded', `for=${address}`]]],
  [
    'the fields of other products',
    (address) => [
      ['X-Real-IP', address],
      ['True-Client-IP', address],
      ['CF-Connecting-IP', address],
      ['X-Client-IP', address],
    ],
  ],
];

attackEdge('Rotating addresses that nobody vouches for', { security: {}, controllers: [Login] }, (victim) => {
  // All of them come from one peer, whose quota the first has spent.
  it.each(ROTATIONS)('in %s gets no further quota', async (_, headersFor) => {
    await passed(victim, () => ({}));
    expect(await passed(victim, (attempt) => ({ headers: headersFor(`203.0.113.${attempt}`) }))).toBe(0);
  });
});

attackEdge(
  'Rotating what stands before the address of a trusted proxy',
  { security: { proxy: { trust: 1 } }, controllers: [Login] },
  (victim) => {
    it('gets no further quota', async () => {
      const through = await passed(victim, (attempt) => ({
        headers: [['X-Forwarded-For', `203.0.113.${attempt}, 198.51.100.1`]],
      }));
      expect(through).toBe(3);
    });
  },
);

attackEdge('Rotating IPv6 addresses', { security: { proxy: { trust: 1 } }, controllers: [Login] }, (victim) => {
  it('of one network of 64 bits gets no further quota', async () => {
    const through = await passed(victim, (attempt) => ({
      headers: [['X-Forwarded-For', `2001:db8:0:1:${attempt}:${attempt}::1`]],
    }));
    expect(through).toBe(3);
  });

  it('in other spellings gets no further quota', async () => {
    const spellings = ['2001:db8:0:2::1', '2001:0db8:0000:0002::0001', '2001:DB8:0:2:0:0:0:1', '[2001:db8:0:2::1]:443'];
    const through = await passed(victim, (attempt) => ({
      headers: [['X-Forwarded-For', spellings[attempt % spellings.length] as string]],
    }));
    expect(through).toBe(3);
  });

  it('that map one IPv4 address gets no further quota', async () => {
    const spellings = ['198.51.100.7', '::ffff:198.51.100.7', '::ffff:c633:6407', '0:0:0:0:0:ffff:198.51.100.7'];
    const through = await passed(victim, (attempt) => ({
      headers: [['X-Forwarded-For', spellings[attempt % spellings.length] as string]],
    }));
    expect(through).toBe(3);
  });
});
