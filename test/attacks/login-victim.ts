import { Body, Controller, Get, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import { Lockout, Public, type HttpRequest } from '@palisade/nest';
import type { HttpAnswer } from '../support/http-client.js';
import type { EdgeVictim } from './edge-victim.js';

/** What opens each account; whoever is not here does not exist. */
export const ACCOUNTS: ReadonlyMap<string, string> = new Map(
  Array.from({ length: 400 }, (_, index) => [`user${index}@bank.example`, `right-${index}`] as const),
);

/** A login as an application writes it, and how often it has looked at a password. */
@Controller()
@Public()
export class Login {
  static readonly looked = new Map<string, number>();

  constructor(private readonly lockout: Lockout) {}

  @Get()
  home() {
    return {};
  }

  @Post('login')
  @HttpCode(200)
  async login(@Body() { email, password }: { email: string; password: string }, @Req() request: HttpRequest) {
    const user = await this.lockout.attempt(email, request, () => {
      Login.looked.set(email, (Login.looked.get(email) ?? 0) + 1);
      return ACCOUNTS.get(email) === password ? email : undefined;
    });
    if (user === undefined) throw new UnauthorizedException();
    return { user };
  }
}

/** How many passwords were looked at since the last call. */
export function takeLooked(): number {
  const sum = [...Login.looked.values()].reduce((total, count) => total + count, 0);
  Login.looked.clear();
  return sum;
}

/** Behind a proxy that writes where the client is. */
export function signIn(
  victim: EdgeVictim,
  email: string,
  password: string,
  address: string,
  headers: readonly (readonly [string, string])[] = [],
): Promise<HttpAnswer> {
  return victim.call('/login', {
    method: 'POST',
    headers: [['Content-Type', 'application/json'], ['X-Forwarded-For', address], ...headers],
    body: JSON.stringify({ email, password }),
  });
}
