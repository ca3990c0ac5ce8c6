import { IsInt, IsOptional, IsString, IsUUID, Matches, Max, MaxLength, Min } from 'class-validator';
import { PRINTABLE } from '../printable.js';

export class CreateTransferDto {
  /** The id of an account of one's own. */
  @IsUUID()
  from!: string;

  /** The id of anybody's account. */
  @IsUUID()
  to!: string;

  /** Whole cents. */
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  amount!: number;

  @IsOptional()
  @IsString()
  @MaxLength(140)
  @Matches(PRINTABLE)
  reference?: string | null;
}
