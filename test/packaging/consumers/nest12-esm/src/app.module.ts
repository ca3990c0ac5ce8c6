import { Module } from '@nestjs/common';
import { SecurityModule } from '@palisade/nest';
import { ContradictoryController } from './contradictory.controller.js';
import { ShopController } from './shop.controller.js';

@Module({
  imports: [
    SecurityModule.forRoot({
      authentication: {
        jwt: {
          issuer: 'https://issuer.example',
          audience: 'shop',
          algorithms: ['HS256'],
          secret: process.env['JWT_SECRET'] ?? '',
        },
      },
      authorization: { roles: ['admin > customer'] },
    }),
  ],
  controllers: process.env['CONTRADICTORY'] ? [ShopController, ContradictoryController] : [ShopController],
})
export class AppModule {}
