import { Controller, Module } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { Public, SecurityModule } from '@palisade/nest';
import { AccountHandlers, Ledger, TransferHandlers } from './ledger.js';
import { ORIGIN, type Stack } from './stack.js';

@Controller('accounts')
@Public()
class AccountsController extends AccountHandlers {}

@Controller('transfers')
@Public()
class TransfersController extends TransferHandlers {}

/** The edge with every part of it on, behind a proxy that ends TLS; nobody is asked who is there. */
export const stack: Stack = {
  createModule(): Type {
    @Module({
      imports: [
        SecurityModule.forRoot({
          hosts: ['127.0.0.1', 'localhost'],
          proxy: { trust: 1 },
          https: { mode: 'reject' },
          cors: { origins: [ORIGIN], credentials: true },
          validation: false,
        }),
      ],
      controllers: [AccountsController, TransfersController],
      providers: [Ledger],
    })
    class PalisadeEdgeModule {}
    return PalisadeEdgeModule;
  },
};
