import { IsInt, IsPositive, IsString } from 'class-validator';

export class CreateOrder {
  @IsString()
  item!: string;

  @IsInt()
  @IsPositive()
  quantity!: number;
}
