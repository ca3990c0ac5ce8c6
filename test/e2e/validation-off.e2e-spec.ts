import { Body, Controller, Param, Post } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Public, SecurityModule } from '@palisade/nest';
import { IsInt } from 'class-validator';
import { ADAPTERS, startApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';

class Deposit {
  @IsInt()
  cents!: number;
}

@Controller()
@Public()
class Deposits {
  @Post('deposits/:id')
  deposit(@Param('id') id: number, @Body() deposit: Deposit) {
    return { id, deposit };
  }
}

describe.each(ADAPTERS)('Without validation on %s', (adapter) => {
  it('handlers get what was sent, and bodies that cannot be read are refused all the same', async () => {
    const running = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(signingKey('ES256'), { validation: false }))],
      controllers: [Deposits],
    });
    const taken = await running.client.post('/deposits/x', { cents: 'many', more: true });
    expect(taken.body).toEqual({ id: 'x', deposit: { cents: 'many', more: true } });
    const unread = await running.client.post('/deposits/x', '{"cents":', { 'content-type': 'application/json' });
    expect(unread.body).toMatchObject({ statusCode: 400, code: 'body_malformed' });
    await running.close();
  });
});
