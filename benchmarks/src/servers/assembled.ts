import {
  ClassSerializerInterceptor,
  Controller,
  Get,
  Injectable,
  Module,
  UseInterceptors,
  ValidationPipe,
} from '@nestjs/common';
import type { CanActivate, ExecutionContext, INestApplication, Type } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { Exclude } from 'class-transformer';
import { ExtractJwt, Strategy } from 'passport-jwt';
import type { Adapter } from '../settings.js';
import { AUDIENCE, ISSUER } from '../tokens.js';
import { AccountHandlers, generateControllers, Holder, Ledger, TransferHandlers } from './ledger.js';
import { configureHelmetAndCors } from './helmet-cors.js';
import type { ServerSpec, Stack } from './stack.js';

const Public = Reflector.createDecorator<boolean>();
const Roles = Reflector.createDecorator<string[]>();

interface User {
  readonly id: string;
  readonly roles: readonly string[];
}

@Injectable()
class JwtGuard extends AuthGuard('jwt') {
  constructor(private readonly reflector: Reflector) {
    super();
  }

  override canActivate(context: ExecutionContext): ReturnType<CanActivate['canActivate']> {
    if (this.reflector.getAllAndOverride(Public, [context.getHandler(), context.getClass()]) === true) return true;
    return super.canActivate(context);
  }
}

@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const roles = this.reflector.getAllAndOverride(Roles, [context.getHandler(), context.getClass()]);
    if (roles === undefined) return true;
    const { user } = context.switchToHttp().getRequest<{ user: User }>();
    return roles.some((role) => user.roles.includes(role));
  }
}

Exclude()(Holder.prototype, 'taxNumber');

@Controller('accounts')
@Roles(['customer', 'teller', 'admin'])
class AccountsController extends AccountHandlers {
  @Get(':id/holder')
  @UseInterceptors(ClassSerializerInterceptor)
  override holder(): Holder {
    return super.holder();
  }
}

@Controller('transfers')
@Roles(['customer', 'teller', 'admin'])
class TransfersController extends TransferHandlers {}

/** The parts as their documentation says to put them together. */
export const stack: Stack = {
  createModule({ key, routes }: ServerSpec): Type {
    @Injectable()
    class JwtStrategy extends PassportStrategy(Strategy) {
      constructor() {
        super({
          jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
          secretOrKey: key,
          algorithms: ['RS256'],
          issuer: ISSUER,
          audience: AUDIENCE,
        });
      }

      validate(claims: { sub: string; roles: string[] }): User {
        return { id: claims.sub, roles: claims.roles };
      }
    }

    @Module({
      imports: [
        PassportModule,
        // Its store walks a log of the hits in the window at every request. One second keeps that log about as long as
        // a busy real client's; with a minute the load of the benchmark would make the throttler look worse than it is.
        ThrottlerModule.forRoot([{ ttl: 1000, limit: 1_000_000 }]),
      ],
      controllers:
        routes === undefined
          ? [AccountsController, TransfersController]
          : generateControllers(routes, Roles(['customer', 'teller', 'admin'])),
      providers: [
        Ledger,
        JwtStrategy,
        { provide: APP_GUARD, useClass: ThrottlerGuard },
        { provide: APP_GUARD, useClass: JwtGuard },
        { provide: APP_GUARD, useClass: RolesGuard },
      ],
    })
    class AssembledModule {}
    return AssembledModule;
  },

  async configure(app: INestApplication, adapter: Adapter): Promise<void> {
    app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
    await configureHelmetAndCors(app, adapter);
  },
};
