import { Body, Controller, Delete, Get, HttpCode, Injectable, Param, Post } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsPositive, IsString, Length } from 'class-validator';

export class OpenAccount {
  @IsString()
  @Length(1, 80)
  name!: string;

  @IsIn(['EUR', 'USD'])
  currency!: string;
}

export class MakeTransfer {
  @IsString()
  from!: string;

  @IsString()
  to!: string;

  @IsInt()
  @IsPositive()
  @Type(() => Number)
  amount!: number;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly currency: string;
  readonly balance: number;
}

/** The answer with a field that must not leave: each stack hides it in its own way, bare Nest does not. */
export class Holder {
  constructor(
    readonly id: string,
    readonly name: string,
    readonly email: string,
    public taxNumber: string,
  ) {}
}

@Injectable()
export class Ledger {
  account(id: string): Account {
    return { id, name: 'Current account', currency: 'EUR', balance: 120_050 };
  }

  accounts(): Account[] {
    return ['1001', '1002', '1003'].map((id) => this.account(id));
  }

  holder(): Holder {
    return new Holder('alice', 'Alice Example', 'alice@bank.example', 'not for everybody');
  }
}

/**
 * The handlers, the same for every stack: a stack derives its controllers from these and puts its own decorators on the
 * class, so that what is compared differs in nothing but security.
 */
@Injectable()
export abstract class AccountHandlers {
  constructor(protected readonly ledger: Ledger) {}

  @Get()
  list(): Account[] {
    return this.ledger.accounts();
  }

  @Get(':id')
  one(@Param('id') id: string): Account {
    return this.ledger.account(id);
  }

  @Get(':id/holder')
  holder(): Holder {
    return this.ledger.holder();
  }

  @Get(':id/transfers')
  transfers(@Param('id') id: string): object[] {
    return [{ id: '1', from: id, to: '1002', amount: 500 }];
  }

  @Post()
  open(@Body() account: OpenAccount): Account {
    return { id: '1004', balance: 0, name: account.name, currency: account.currency };
  }

  @Delete(':id')
  @HttpCode(204)
  close(): void {}
}

export abstract class TransferHandlers {
  @Get()
  list(): object[] {
    return [{ id: '1', from: '1001', to: '1002', amount: 500 }];
  }

  @Get(':id')
  one(@Param('id') id: string): object {
    return { id, from: '1001', to: '1002', amount: 500 };
  }

  @Post()
  make(@Body() transfer: MakeTransfer): object {
    return { id: '2', from: transfer.from, to: transfer.to, amount: transfer.amount };
  }

  @Get(':id/receipt')
  receipt(@Param('id') id: string): object {
    return { id, text: 'Paid' };
  }
}

export type ControllerClass = new (...args: never[]) => object;

const ROUTES_PER_CONTROLLER = 10;

/** As many routes as asked for, ten a controller; `decorate` puts the rules of the stack on every handler. */
export function generateControllers(routes: number, decorate?: MethodDecorator): ControllerClass[] {
  return Array.from({ length: Math.ceil(routes / ROUTES_PER_CONTROLLER) }, (_, group) => {
    class GeneratedController {}
    Controller(`group${group}`)(GeneratedController);
    for (let route = 0; route < Math.min(ROUTES_PER_CONTROLLER, routes - group * ROUTES_PER_CONTROLLER); route++) {
      const name = `route${route}`;
      const descriptor: PropertyDescriptor = {
        value: () => ({ id: '1001', name: 'Current account', currency: 'EUR', balance: 120_050 }),
        configurable: true,
        enumerable: false,
        writable: true,
      };
      Object.defineProperty(GeneratedController.prototype, name, descriptor);
      Get(name)(GeneratedController.prototype, name, descriptor);
      decorate?.(GeneratedController.prototype, name, descriptor);
    }
    return GeneratedController;
  });
}

/** The path of the route that was declared last. */
export function lastGeneratedPath(routes: number): string {
  const last = routes - 1;
  return `/group${Math.floor(last / ROUTES_PER_CONTROLLER)}/route${last % ROUTES_PER_CONTROLLER}`;
}
