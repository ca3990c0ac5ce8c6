import { Module } from '@nestjs/common';
import { SecurityModule } from '@palisade/nest';
import { ContradictoryController } from './contradictory.controller';
import { ShopController } from './shop.controller';

@Module({
  imports: [
    SecurityModule.forRoot({
      authentication: {
        jwt: {
          issuer: 'https://issuer.example',
          audience: 'shop',
          algorithms: ['ES256'],
          key: process.env['JWT_PUBLIC_KEY'] ?? '',
        },
      },
      authorization: { roles: ['admin > customer'] },
    }),
  ],
  controllers: process.env['CONTRADICTORY'] ? [ShopController, ContradictoryController] : [ShopController],
})
export class AppModule {}
