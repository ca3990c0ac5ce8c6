import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { Type as TypeOf } from 'class-transformer';
import {
  Contains,
  IsIn,
  IsOptional,
  Length,
  Matches,
  MaxLength,
  registerDecorator,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { InvalidRequestException, type InvalidRequestBody } from './validation.exception.js';
import { SecurityValidationPipe } from './validation.pipe.js';

async function refusal(body: unknown, metatype: Type): Promise<InvalidRequestBody> {
  const error: unknown = await new SecurityValidationPipe()
    .transform(body, { type: 'body', metatype })
    .catch((thrown: unknown) => thrown);
  if (error instanceof InvalidRequestException) return error.getResponse() as InvalidRequestBody;
  throw new Error('The input was accepted', { cause: error });
}

function OwnRule(): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'ownRule',
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: () => false,
        defaultMessage: (args?: ValidationArguments) => `got ${String(args?.value)}`,
      },
    });
}

describe('the texts of an answer', () => {
  const secret = 'secret-value';

  @ValidatorConstraint({ name: 'stateful' })
  class Stateful implements ValidatorConstraintInterface {
    private last = '';
    validate(value: unknown): boolean {
      this.last = String(value);
      return false;
    }
    defaultMessage(): string {
      return `got ${this.last}`;
    }
  }

  class Leaky {
    @MaxLength(1, { message: '$property got $value' }) direct!: string;
    @MaxLength(1, { message: ({ value }) => `got ${String(value)}` }) viaFunction!: string;
    @MaxLength(1, { message: ({ object }) => `got ${JSON.stringify(object)}` }) viaObject!: string;
    @Contains('$value') viaConstraint!: string;
    @IsIn(['a', 'x$valuey']) viaList!: string;
    @Matches(/^[a-c]$/u, { message: 'fixed text' }) fixed!: string;
    @OwnRule() own!: string;
    @Validate(Stateful) stateful!: string;
    @Length(1, 2) builtIn!: string;
  }

  class Wrapper {
    @ValidateNested({ each: true, message: 'got $value' }) @TypeOf(() => Leaky) list!: unknown[];
    @ValidateNested({ message: ({ value }) => `got ${String(value)}` }) @TypeOf(() => Leaky) one!: unknown;
  }

  const leaky = Object.fromEntries(
    ['direct', 'viaFunction', 'viaObject', 'viaConstraint', 'viaList', 'fixed', 'own', 'stateful', 'builtIn'].map(
      (field) => [field, secret],
    ),
  );

  it('are those of the rules where these are fixed, and say no more than the rule anywhere else', async () => {
    const fields = (await refusal(leaky, Leaky)).fields ?? [];
    expect(Object.fromEntries(fields.map(({ field, rules, messages }) => [field, [rules[0], messages[0]]]))).toEqual({
      direct: ['maxLength', 'is not valid'],
      viaFunction: ['maxLength', 'is not valid'],
      viaObject: ['maxLength', 'is not valid'],
      viaConstraint: ['contains', 'is not valid'],
      viaList: ['isIn', 'is not valid'],
      fixed: ['matches', 'fixed text'],
      own: ['ownRule', 'is not valid'],
      stateful: ['stateful', 'is not valid'],
      builtIn: ['isLength', 'builtIn must be shorter than or equal to 2 characters'],
    });
  });

  it('hold no value, in nested objects and lists as well', async () => {
    const refused = await refusal({ list: [leaky, secret], one: secret, [`unknown`]: secret }, Wrapper);
    expect(refused.fields?.map(({ field }) => field)).toEqual(
      expect.arrayContaining(['unknown', 'list[0].direct', 'list[1]', 'one']),
    );
    expect(JSON.stringify(refused)).not.toContain(secret);
  });

  it('hold no value of a subclass that inherits the rules', async () => {
    class Sub extends Leaky {
      @IsOptional() extra?: string;
    }
    expect(JSON.stringify(await refusal(leaky, Sub))).not.toContain(secret);
  });

  it('are not carried by the exception in any other way', async () => {
    const pipe = new SecurityValidationPipe();
    const error: unknown = await pipe
      .transform(leaky, { type: 'body', metatype: Leaky })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidRequestException);
    expect(String((error as Error).stack)).not.toContain(secret);
    expect(JSON.stringify(Object.values(error as object))).not.toContain(secret);
  });
});
