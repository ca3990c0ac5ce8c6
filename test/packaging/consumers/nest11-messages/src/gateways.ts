import { Injectable, Scope, UseGuards, type Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Public, Roles, SecurityGuard } from '@palisade/nest';

/** A class of its own for each case: what is put on it must not come from another. */
function gateway(rules: readonly MethodDecorator[] = [], onClass: readonly ClassDecorator[] = []): Type {
  @WebSocketGateway()
  class Chat {
    @SubscribeMessage('say')
    say() {
      return { event: 'said', data: 'hello' };
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Chat.prototype, 'say') as PropertyDescriptor;
  for (const rule of rules) rule(Chat.prototype, 'say', descriptor);
  for (const rule of onClass) rule(Chat);
  return Chat;
}

function inherited(): Type {
  const Base = gateway([Roles('admin')]);
  @WebSocketGateway()
  class Chat extends Base {}
  return Chat;
}

export const GATEWAYS: Readonly<Record<string, () => Type>> = {
  'no rule': () => gateway(),
  '@Roles': () => gateway([Roles('admin')]),
  '@Roles on the class': () => gateway([], [Roles('admin')]),
  inherited,
  'request-scoped': () => gateway([], [Injectable({ scope: Scope.REQUEST })]),
  '@UseGuards(SecurityGuard)': () => gateway([], [UseGuards(SecurityGuard)]),
  '@Public': () => gateway([Public()]),
  '@Public on the class': () => gateway([], [Public()]),
  '@Public @UseGuards(SecurityGuard)': () => gateway([], [Public(), UseGuards(SecurityGuard)]),
};
