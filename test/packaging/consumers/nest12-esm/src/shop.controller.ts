import { Body, Controller, Get, Post } from '@nestjs/common';
import { CurrentUser, Public, Roles, type Principal } from '@palisade/nest';
import { CreateOrder } from './create-order.js';

@Controller()
export class ShopController {
  @Public()
  @Get('status')
  status() {
    return { status: 'open' };
  }

  @Get('me')
  me(@CurrentUser() user: Principal) {
    return { id: user.id, roles: user.roles };
  }

  @Roles('admin')
  @Get('report')
  report() {
    return { orders: 0 };
  }

  @Roles('customer')
  @Post('orders')
  order(@Body() order: CreateOrder) {
    return { item: order.item, quantity: order.quantity };
  }
}
