import { IsString, MaxLength, MinLength } from 'class-validator';
import { MAX_PASSWORD_LENGTH } from '../users/passwords.js';

export class SignInDto {
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  username!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(MAX_PASSWORD_LENGTH)
  password!: string;
}
