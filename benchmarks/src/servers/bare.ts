import { Controller, Module } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { AccountHandlers, generateControllers, Ledger, TransferHandlers } from './ledger.js';
import type { ServerSpec, Stack } from './stack.js';

@Controller('accounts')
class AccountsController extends AccountHandlers {}

@Controller('transfers')
class TransfersController extends TransferHandlers {}

/** Nest with nothing added: what the handlers themselves cost. */
export const stack: Stack = {
  createModule({ routes }: ServerSpec): Type {
    @Module({
      controllers: routes === undefined ? [AccountsController, TransfersController] : generateControllers(routes),
      providers: [Ledger],
    })
    class BareModule {}
    return BareModule;
  },
};
