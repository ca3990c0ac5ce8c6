import { Query, ResolveField, ResolveReference, Resolver } from '@nestjs/graphql';
import { describe, expect, it } from '@jest/globals';
import type { HandlerFunction } from '../../core/route-policy.js';
import { resolverKind } from './graphql.handlers.js';

@Resolver('Account')
class Accounts {
  @Query('account')
  account() {}

  @ResolveField('balance')
  balance() {}

  @ResolveReference()
  reference() {}

  @ResolveField('__resolveReference')
  referenceByName() {}

  @ResolveField()
  __resolveReference() {}
}

describe('A method of a resolver', () => {
  it.each([
    ['account', 'handler'],
    ['balance', 'part'],
    ['reference', 'exposed'],
    // What drivers of a federated graph know a reference by.
    ['referenceByName', 'exposed'],
    ['__resolveReference', 'exposed'],
  ] as const)('%s is a %s', (method, kind) => {
    const handler = Accounts.prototype[method] as HandlerFunction;
    expect(resolverKind(handler, Accounts, { valuesOf: () => [], instancesOf: () => [] })?.kind).toBe(kind);
  });
});
