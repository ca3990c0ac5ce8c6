import { Controller, Module } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { Roles, SecurityModule } from '@palisade/nest';
import { AUDIENCE, ISSUER } from '../tokens.js';
import { AccountHandlers, generateControllers, Ledger, TransferHandlers } from './ledger.js';
import type { ServerSpec, Stack } from './stack.js';

@Controller('accounts')
@Roles('customer')
class AccountsController extends AccountHandlers {}

@Controller('transfers')
@Roles('customer')
class TransfersController extends TransferHandlers {}

/** The one import, with its defaults. */
export const stack: Stack = {
  createModule({ key, routes }: ServerSpec): Type {
    @Module({
      imports: [
        SecurityModule.forRoot({
          authentication: { jwt: { issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'], key } },
          authorization: { roles: ['admin > teller > customer'] },
        }),
      ],
      controllers:
        routes === undefined
          ? [AccountsController, TransfersController]
          : generateControllers(routes, Roles('customer')),
      providers: [Ledger],
    })
    class PalisadeModule {}
    return PalisadeModule;
  },
};
