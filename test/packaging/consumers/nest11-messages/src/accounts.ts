import { Controller, Scope, UseGuards, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { Public, Roles, SecurityGuard } from '@palisade/nest';

export const heard: string[] = [];

function accounts(onClass: readonly ClassDecorator[] = [], scope = Scope.DEFAULT): Type {
  @Controller({ scope })
  class Accounts {
    @MessagePattern('ask')
    ask() {
      return 'balance';
    }

    @EventPattern('hear')
    hear(payload: string) {
      heard.push(payload);
    }
  }
  for (const rule of onClass) rule(Accounts);
  return Accounts;
}

export const ACCOUNTS: Readonly<Record<string, () => Type>> = {
  'no rule': () => accounts(),
  '@Roles': () => accounts([Roles('admin')]),
  'request-scoped': () => accounts([], Scope.REQUEST),
  '@UseGuards(SecurityGuard)': () => accounts([UseGuards(SecurityGuard)]),
  '@Public': () => accounts([Public()]),
  '@Public request-scoped': () => accounts([Public()], Scope.REQUEST),
};
