import { UnauthorizedException } from '@nestjs/common';
import { Args, Context, Mutation, Query, Resolver } from '@nestjs/graphql';
import {
  CurrentUser,
  OptionalAuth,
  Policy,
  Public,
  RateLimit,
  Roles,
  type HttpRequest,
  type Principal,
} from '@palisade/nest';
import { RunningGraphql, type GraphqlServer } from '../support/graphql.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

export const ATTEMPTS_ALLOWED = 5;

/** Guesses that got as far as the password. */
export const guesses: string[] = [];

@Resolver()
class Victim {
  @Mutation(() => String, { nullable: true })
  @Public()
  @RateLimit({ limit: `${ATTEMPTS_ALLOWED}/minute`, countOn: 'failure' })
  login(@Args('password') password: string) {
    guesses.push(password);
    throw new UnauthorizedException();
  }

  @Query(() => String, { nullable: true })
  @Public()
  anybody(@CurrentUser() user: Principal, @Context() { req }: { req: HttpRequest }) {
    return JSON.stringify({ kind: user.kind, id: user.id, onRequest: req.user ?? null });
  }

  @Query(() => String, { nullable: true })
  @OptionalAuth()
  @Policy(async ({ kind }) => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    return kind === 'anonymous';
  })
  strangersOnly() {
    return 'a stranger';
  }

  @Query(() => String, { nullable: true })
  @Roles('teller')
  tellersOnly(@CurrentUser('id') id: string) {
    return id;
  }
}

export function guess(index: number): string {
  return `login(password: "${index}")`;
}

export async function startVictim(server: GraphqlServer) {
  guesses.length = 0;
  const app = await RunningGraphql.start(server, securityWith(key), { providers: [Victim] });
  const issuer = new TokenIssuer(key, app.running.clock);
  return { app, bearer: (claims: object) => ({ authorization: `Bearer ${issuer.issue(claims)}` }) };
}
