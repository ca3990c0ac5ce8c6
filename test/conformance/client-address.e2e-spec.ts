import { Controller, Get } from '@nestjs/common';
import { expect } from '@jest/globals';
import { ClientIp, Public, type ProxyOptions } from '@palisade/nest';
import { caseNamed } from './cases.js';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup } from './edge.js';

@Controller()
@Public()
class Echo {
  @Get('ip')
  ip(@ClientIp() address: string) {
    return { address };
  }
}

/**
 * Where a peer of a case connects from: nobody but the loopback interface has its addresses. `a.b.c.d` stands at
 * `127.a.b.d`, which tells those of the cases apart.
 */
function standIn(address: string): string {
  const [a, b, , d] = address.split('.');
  return `127.${a}.${b}.${d}`;
}

function peerOf(id: string): string {
  const peer = /socket peer ([\d.]+)/.exec(caseNamed(id).given)?.[1];
  if (peer === undefined) throw new Error(`Case ${id} names no peer`);
  return standIn(peer);
}

function behind(trust: ProxyOptions['trust']): CaseSetup {
  return {
    subject: { security: { proxy: { trust } }, controllers: [Echo] },
    from: peerOf,
    check: ({ body }, { id }) => {
      const said = String(caseNamed(id).expect.body);
      const isPeer = standIn(said) === peerOf(id);
      expect(body['address']).toBe(isPeer ? peerOf(id) : said);
    },
  };
}

describeConformance('client addresses', COVERED.clientAddress, {
  oneHop: behind(1),
  tenHops: behind(10),
  stranger: behind([standIn('20.0.0.1')]),
  known: behind([standIn('10.0.0.1'), '11.111.111.11']),
  // The default trusts nobody. The peers of loopback that the case believes are these; the one that connects is none.
  loopback: behind(['127.0.0.1', '::1']),
});
