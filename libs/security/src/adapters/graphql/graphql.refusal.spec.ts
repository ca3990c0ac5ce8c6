import { HttpException, UnauthorizedException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { GraphQLError, locatedError } from 'graphql';
import { denied } from '../../core/decision.js';
import { SecurityException } from '../../core/errors.js';
import { graphqlRefusal } from './graphql.refusal.js';

const exception = new SecurityException(denied('role_missing'));

describe('A denial over GraphQL', () => {
  const refusal = graphqlRefusal(exception, { code: 'role_missing' });

  it('is the exception that it would be over HTTP, to filters of the application', () => {
    expect(refusal).toBeInstanceOf(SecurityException);
    expect(refusal.getStatus()).toBe(403);
    expect(refusal.getResponse()).toEqual(exception.getResponse());
    expect(refusal.message).toBe(exception.message);
    expect(refusal.stack).toBe(exception.stack);
  });

  it('has its code and status in the extensions of the error that GraphQL makes of it', () => {
    const error = locatedError(refusal, undefined, ['teller']);
    expect(error).toBeInstanceOf(GraphQLError);
    expect(error.toJSON()).toEqual({
      message: 'The caller lacks the role',
      path: ['teller'],
      extensions: { code: 'role_missing', status: 403 },
    });
  });

  it('says when to come back', () => {
    expect(graphqlRefusal(exception, { code: 'rate_limited', retryAfter: 7 })).toMatchObject({
      extensions: { code: 'rate_limited', retryAfter: 7 },
    });
  });

  it('leaves the exception of an application as it is', () => {
    const own = new UnauthorizedException('Ask the bank');
    const before = own.getResponse();
    expect(graphqlRefusal(own, { code: 'credentials_invalid' }).getResponse()).toBe(before);
    expect(own).not.toHaveProperty('extensions');
    expect(own.getResponse()).toBe(before);
  });

  it('has a response that is text', () => {
    expect(graphqlRefusal(new HttpException('No', 403), { code: 'policy_denied' }).getResponse()).toBe('No');
  });
});
