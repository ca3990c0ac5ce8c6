import { Module } from '@nestjs/common';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { SigningKey } from './signing-key.js';

@Module({
  providers: [
    {
      provide: SigningKey,
      inject: [CONFIGURATION],
      useFactory: ({ signingKey }: Configuration) => signingKey,
    },
  ],
  exports: [SigningKey],
})
export class SigningModule {}
