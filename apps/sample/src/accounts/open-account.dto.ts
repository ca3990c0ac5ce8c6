import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { PRINTABLE } from '../printable.js';

export class OpenAccountDto {
  /** The username or the id of the owner. */
  @IsString()
  @Matches(/^[a-z0-9][a-z0-9._-]{0,35}$/)
  owner!: string;

  /** Whole cents. */
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  openingBalance!: number;

  /** For auditors' eyes. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  @Matches(PRINTABLE)
  riskNote?: string | null;
}
