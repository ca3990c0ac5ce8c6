import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';

/** Which part of a list to show. Lists are plain arrays; the id of the last item leads to the next page. */
export class PageQuery {
  @IsInt()
  @Min(1)
  @Max(200)
  @Type(() => Number)
  limit = 50;

  /** Continue behind the item with this id. */
  @IsOptional()
  @IsUUID()
  after?: string;
}
