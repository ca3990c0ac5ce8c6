import { Controller, Get, Headers } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public } from '@palisade/nest';
import { attackEdge, EVIL } from './edge-victim.js';

@Controller()
@Public()
class Passwords {
  /** As many applications do: what the mail links to is taken from the request. */
  @Get('reset')
  reset(@Headers('host') host: string, @Headers('x-forwarded-host') forwarded?: string) {
    return { link: `https://${host}/reset?token=secret`, forwarded };
  }
}

const subject = { security: { hosts: ['bank.example', '*.branch.example'] }, controllers: [Passwords] };

attackEdge('A Host that leads links to the attacker', subject, (victim) => {
  it.each([
    EVIL,
    `${EVIL}:443`,
    `bank.example.${EVIL}`,
    `${EVIL}.bank.example`,
    `bank.example@${EVIL}`,
    `bank.example:@${EVIL}`,
    `bank.example:80@${EVIL}`,
    `bank.example#@${EVIL}`,
    `bank.example?${EVIL}`,
    `bank.example/${EVIL}`,
    `bank.example\\${EVIL}`,
    `bank.example,${EVIL}`,
    `bank.example, ${EVIL}`,
    `bank.example ${EVIL}`,
    `bank.example;${EVIL}`,
    `bank.example%00.${EVIL}`,
    `bank.example%2f${EVIL}`,
    `bank.example&${EVIL}`,
    `"bank.example".${EVIL}`,
    `http://${EVIL}`,
    `//${EVIL}`,
    'bank.example..',
    '.bank.example',
    'xbank.example',
    'bank-example',
    'branch.example',
    `branch.example.${EVIL}`,
    '..branch.example',
    '-.branch.example/',
    'bank.example:',
    'bank.example:0x50',
    'bank.example:99999',
    'bank.example:-1',
    '[::1]',
    '[bank.example]',
    'localhost',
    '127.0.0.1',
    '0',
    '*',
    '*.branch.example',
    'bank。example',
    'ｂank.example',
    '',
    ' ',
  ])('(%j) reaches no handler', async (host) => {
    const answer = await victim.call('/reset', { host });
    victim.expectRefused(answer, 'host_missing', 'host_malformed', 'host_refused');
    expect(answer.text).not.toContain('secret');
  });

  it.each([
    ['twice', `Host: bank.example\r\nHost: ${EVIL}`],
    ['twice, the other way round', `Host: ${EVIL}\r\nHost: bank.example`],
    ['twice the same', 'Host: bank.example\r\nHost: bank.example'],
    ['twice in different letters', `Host: bank.example\r\nhOST: ${EVIL}`],
    ['folded', `Host: bank.example\r\n ${EVIL}`],
    ['with a space before the colon', `Host : ${EVIL}\r\nHost: bank.example`],
    ['with a space before its name', ` Host: ${EVIL}\r\nHost: bank.example`],
    ['with a bare line feed', `Host: bank.example\nHost: ${EVIL}`],
    ['not at all', 'X-Host: bank.example'],
  ])('given %s reaches no handler', async (_, lines) => {
    const answer = await victim.exchange(`GET /reset HTTP/1.1\r\n${lines}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toContain('secret');
    expect(answer).not.toContain(EVIL);
  });

  it.each([
    [`http://${EVIL}/reset`, 'bank.example'],
    ['http://bank.example/reset', EVIL],
    [`http://bank.example@${EVIL}/reset`, 'bank.example'],
    [`http://${EVIL}@bank.example/reset`, 'bank.example'],
    [`http://${EVIL}\\@bank.example/reset`, 'bank.example'],
    ['http:///reset', 'bank.example'],
    ['http:/reset', 'bank.example'],
    [`ftp://${EVIL}/reset`, 'bank.example'],
    [`${EVIL}:80`, 'bank.example'],
  ])('in the target (%s, with Host %s) reaches no handler', async (target, host) => {
    const answer = await victim.call(target, { host });
    victim.expectRefused(answer);
    expect(answer.text).not.toContain('secret');
  });

  it.each(['X-Forwarded-Host', 'X-Host', 'X-Forwarded-Server', 'X-HTTP-Host-Override', 'Forwarded', 'X-Original-Host'])(
    'in %s opens no door: nobody said that a proxy is to be believed',
    async (name) => {
      victim.expectRefused(await victim.call('/reset', { host: EVIL, headers: [[name, 'bank.example']] }));
      victim.expectRefused(await victim.call('/reset', { host: EVIL, headers: [[name, 'host=bank.example']] }));
    },
  );

  it.each([
    'bank.example',
    'BANK.example',
    'bank.example:8443',
    'bank.example.',
    'a.branch.example',
    'a.b.branch.example',
  ])('while %s is served', async (host) => {
    const answer = await victim.call('/reset', { host });
    expect(answer.body).toEqual({ link: `https://${host}/reset?token=secret` });
  });
});
