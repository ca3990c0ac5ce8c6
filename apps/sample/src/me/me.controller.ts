import { Controller, Get } from '@nestjs/common';
import { CurrentUser, type Principal } from '@palisade/nest';

/** The caller as the bank sees it; without the claims, which the caller's own token has. */
export interface Me {
  readonly id: string;
  readonly kind: string;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly scopes: readonly string[];
  readonly scheme: string;
  readonly authenticatedAt?: Date | undefined;
}

@Controller('me')
export class MeController {
  @Get()
  me(@CurrentUser() { id, kind, roles, permissions, scopes, scheme, authenticatedAt }: Principal): Me {
    const at = authenticatedAt === undefined ? undefined : new Date(authenticatedAt);
    return { id, kind, roles, permissions, scopes, scheme, authenticatedAt: at };
  }
}
