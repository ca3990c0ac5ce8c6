import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { declaration } from '../core/declarations.js';
import type { Admission } from '../core/passage.js';
import { ANONYMOUS, type Principal } from '../core/principal.js';
import { httpRequestOf, passageFor } from '../core/request.js';
import { receivedCall } from '../core/transports.js';

/** Where no guard has seen an execution, nobody was let in. */
const NOT_RECEIVED: { readonly admission?: Admission | undefined } = Object.freeze({});

/**
 * Anybody may call; no credentials are looked at. A requirement nearer to the handler beats it.
 *
 * On one level with a requirement, or with `@Authenticated` or `@OptionalAuth`, it stops the start.
 */
export const Public = (): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'access', access: 'public', decorator: '@Public()' });

/**
 * Anonymous, or a valid credential of any of the named schemes (without arguments, any configured one); an invalid one
 * is still answered with 401.
 */
export const OptionalAuth = (...schemes: string[]): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'access', access: 'optional', schemes, decorator: `@OptionalAuth(${printed(schemes)})` });

/**
 * Any of the named schemes: `jwt`, or the name of a Passport strategy. Without arguments, any configured scheme.
 *
 * A scheme that is neither configured nor registered stops the start.
 */
export const Authenticated = (...schemes: string[]): ClassDecorator & MethodDecorator =>
  declaration({
    kind: 'access',
    access: 'authenticated',
    schemes,
    decorator: `@Authenticated(${printed(schemes)})`,
  });

/** Injects the {@link Principal}, or one of its properties. On public routes it is the anonymous principal. */
export const CurrentUser: <K extends keyof Principal>(
  property?: K,
  ...pipes: readonly (Type<PipeTransform> | PipeTransform)[]
) => ParameterDecorator = createParamDecorator((property: keyof Principal | undefined, context: ExecutionContext) => {
  const { admission } = isHttp(context)
    ? passageFor('@CurrentUser()', httpRequestOf(context))
    : (receivedCall(context) ?? NOT_RECEIVED);
  const principal = admission?.principal ?? ANONYMOUS;
  return property === undefined ? principal : principal[property];
});

/**
 * Injects the address of the client: the peer of the connection, with IPv4 mapped into IPv6 given as IPv4. `undefined`
 * where there is no HTTP request.
 */
export const ClientIp: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) => {
  if (isHttp(context)) return passageFor('@ClientIp()', httpRequestOf(context)).address;
  return receivedCall(context)?.passage.address;
});

function isHttp(context: ExecutionContext): boolean {
  return context.getType() === 'http';
}

function printed(schemes: readonly string[]): string {
  return schemes.map((scheme) => JSON.stringify(scheme)).join(', ');
}
