import { Controller, Get, Post } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public, RateLimit } from '@palisade/nest';
import { attackEdge, type AttackCall } from './edge-victim.js';

@Controller('accounts')
@Public()
class Accounts {
  @Get(':id/pin')
  @RateLimit('2/hour')
  pin() {
    return { handled: true };
  }

  @Post('pin')
  @RateLimit('2/hour')
  change() {
    return { handled: true };
  }
}

const VARIANTS: readonly (readonly [target: string, call?: AttackCall])[] = [
  ['/accounts/1/pin'],
  ['/accounts/1/pin/'],
  ['/ACCOUNTS/1/PIN'],
  ['/accounts/1/pin?'],
  ['/accounts/1/pin?attempt=1'],
  ['/accounts/1/pin?attempt=2#fragment'],
  ['/accounts/2/pin'],
  ['/accounts/%31/pin'],
  ['/%61ccounts/1/pin'],
  ['//accounts/1/pin'],
  ['/accounts//1/pin'],
  ['/./accounts/1/pin'],
  ['/accounts/1/pin;jsessionid=1'],
  ['/accounts/1/pin%00'],
  ['http://bank.example/accounts/1/pin'],
  ['/accounts/1/pin', { method: 'HEAD' }],
  ['/accounts/1/pin', { headers: [['X-HTTP-Method-Override', 'HEAD']] }],
  ['/accounts/1/pin', { host: 'BANK.example' }],
  ['/accounts/1/pin', { host: 'bank.example:80' }],
  ['/accounts/1/pin', { headers: [['User-Agent', 'another']] }],
  ['/accounts/1/pin', { headers: [['Authorization', 'Bearer another']] }],
  ['/accounts/1/pin', { headers: [['Cookie', 'session=another']] }],
  ['/accounts/1/pin', { headers: [['Accept', 'application/json;v=2']] }],
];

attackEdge('Writing one path in many ways', { security: {}, controllers: [Accounts] }, (victim) => {
  it('spends one quota', async () => {
    let handled = 0;
    for (const [target, call] of VARIANTS) {
      const answer = await victim.call(target, call);
      expect(answer.status).toBeLessThan(500);
      if (answer.status === 200) handled++;
      else expect([400, 404, 429]).toContain(answer.status);
    }
    expect(handled).toBe(2);
    // Every one of them, now that nothing is left.
    for (const [target, call] of VARIANTS) expect((await victim.call(target, call)).status).not.toBe(200);
  });

  it('spends it whatever is sent along', async () => {
    const bodies = ['{}', '{"a":1}', '[]', '{', 'not json'];
    const statuses: number[] = [];
    for (const body of [...bodies, ...bodies]) {
      const answer = await victim.call('/accounts/pin', {
        method: 'POST',
        body,
        headers: [['Content-Type', 'application/json']],
      });
      statuses.push(answer.status);
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(2);
  });
});
