import { Controller, Module } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { Roles, SecurityModule } from '@palisade/nest';
import { AUDIENCE, ISSUER } from '../tokens.js';
import { AccountHandlers, generateControllers, Ledger, TransferHandlers } from './ledger.js';
import { ORIGIN, type ServerSpec, type Stack } from './stack.js';

@Controller('accounts')
@Roles('customer')
class AccountsController extends AccountHandlers {}

@Controller('transfers')
@Roles('customer')
class TransfersController extends TransferHandlers {}

/** The one import, with its defaults, and what the hand-assembled stack has: CORS for one origin. */
export const stack: Stack = {
  createModule({ key, routes }: ServerSpec): Type {
    @Module({
      imports: [
        SecurityModule.forRoot({
          hosts: ['127.0.0.1', 'localhost'],
          cors: { origins: [ORIGIN], headers: ['Authorization'] },
          authentication: { jwt: { issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'], key } },
          rateLimit: { limits: { everybody: { limit: 1_000_000, window: 1000, by: 'ip' } }, global: ['everybody'] },
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
