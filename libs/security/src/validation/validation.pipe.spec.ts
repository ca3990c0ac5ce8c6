import { describe, expect, it, jest } from '@jest/globals';
import { BadRequestException, Logger, NotFoundException, type ArgumentMetadata, type Type } from '@nestjs/common';
import { Transform, Type as TypeOf } from 'class-transformer';
import {
  IsArray,
  IsEmail,
  IsInt,
  IsOptional,
  IsString,
  Min,
  Validate,
  ValidateIf,
  ValidateNested,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { InvalidRequestException, type FieldProblem, type InvalidRequestBody } from './validation.exception.js';
import type { ValidationOptions } from './validation.options.js';
import { SecurityValidationPipe } from './validation.pipe.js';

async function transformed(
  value: unknown,
  metatype?: Type,
  options: ValidationOptions = {},
  metadata: Partial<ArgumentMetadata> = {},
): Promise<unknown> {
  return new SecurityValidationPipe(options).transform(value, { type: 'body', metatype, ...metadata });
}

async function refusal(...call: Parameters<typeof transformed>): Promise<InvalidRequestBody> {
  try {
    await transformed(...call);
  } catch (error) {
    if (error instanceof InvalidRequestException) return error.getResponse() as InvalidRequestBody;
    throw error;
  }
  throw new Error('The input was accepted');
}

async function refusedFields(...call: Parameters<typeof transformed>): Promise<readonly FieldProblem[] | undefined> {
  return (await refusal(...call)).fields;
}

const param = (data: string) => ({ type: 'param', data }) as const;
const query = (data: string) => ({ type: 'query', data }) as const;

class Item {
  @IsString() name!: string;
  @IsInt() @Min(1) amount!: number;
}

class Order {
  @IsEmail() email!: string;
  @ValidateNested() @TypeOf(() => Item) main!: Item;
  @IsArray() @ValidateNested({ each: true }) @TypeOf(() => Item) items!: Item[];
}

const item = { name: 'a', amount: 1 };
const order = { email: 'a@example.test', main: item, items: [item] };

describe('a body that is valid', () => {
  it('becomes an instance of its class', async () => {
    const result = await transformed(order, Order);
    expect(result).toBeInstanceOf(Order);
    expect((result as Order).items[0]).toBeInstanceOf(Item);
  });

  it('is passed on as it is where the parameter has no class', async () => {
    const body = { anything: [1] };
    expect(await transformed(body)).toBe(body);
    expect(await transformed(body, Object)).toBe(body);
  });

  it('loses unknown properties where they are to be dropped', async () => {
    expect(await transformed({ ...item, admin: true }, Item, { unknownProperties: 'drop' })).toEqual(item);
  });
});

describe('a body that is not valid', () => {
  it('is refused in one shape, with fields, rules and texts', async () => {
    expect(await refusal({ ...order, email: 'no-address', main: { name: 1, amount: 0.5 } }, Order)).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: 'The request is not valid',
      code: 'validation_failed',
      fields: [
        { field: 'email', rules: ['isEmail'], messages: ['email must be an email'] },
        { field: 'main.name', rules: ['isString'], messages: ['name must be a string'] },
        {
          field: 'main.amount',
          rules: ['min', 'isInt'],
          messages: ['amount must not be less than 1', 'amount must be an integer number'],
        },
      ],
    });
  });

  it('is refused as a bad request, which the filters of the application know', async () => {
    await expect(transformed({}, Item)).rejects.toBeInstanceOf(BadRequestException);
  });

  it('has the items of lists named by their place', async () => {
    const items = [item, { name: 'b', amount: 0 }, 'text-value', null];
    expect(await refusedFields({ ...order, items }, Order)).toEqual([
      { field: 'items[1].amount', rules: ['min'], messages: ['amount must not be less than 1'] },
      {
        field: 'items[2]',
        rules: ['nestedValidation'],
        messages: ['each value in nested property items must be either object or array'],
      },
      expect.objectContaining({ field: 'items[3]' }),
    ]);
  });

  it('has unknown properties refused, at any level', async () => {
    const body = { ...order, admin: true, items: [{ ...item, price: 1 }] };
    expect(await refusedFields(body, Order)).toEqual([
      { field: 'admin', rules: ['whitelistValidation'], messages: ['is not a known property'] },
      { field: 'items[0].price', rules: ['whitelistValidation'], messages: ['is not a known property'] },
    ]);
  });

  it.each<[string, unknown]>([
    ['a list', [item]],
    ['an empty list', []],
    ['a text', 'text-value'],
    ['a number', 5],
    ['bytes', Buffer.from('text-value')],
  ])('is refused where it is %s instead of an object', async (_, body) => {
    class Filter {
      @IsOptional() @IsString() name?: string;
    }
    for (const metatype of [Item, Filter]) {
      expect(await refusedFields(body, metatype)).toEqual([
        { field: 'body', rules: ['isObject'], messages: ['must be an object'] },
      ]);
    }
    expect(await refusedFields(body, Item, {}, { data: 'item' })).toEqual([expect.objectContaining({ field: 'item' })]);
  });

  it('is refused where there is none', async () => {
    expect(await refusedFields(undefined, Item)).toHaveLength(2);
    expect(await refusedFields(null, Item)).toHaveLength(2);
  });

  it('is refused where the class declares nothing', async () => {
    class Nothing {}
    expect(await refusedFields({ a: 1 }, Nothing)).toEqual([expect.objectContaining({ field: 'a' })]);
  });

  it('names the first rule of a field alone where asked to', async () => {
    expect(await refusedFields({ name: 'a', amount: 0.5 }, Item, { stopAtFirstError: true })).toEqual([
      expect.objectContaining({ field: 'amount', rules: ['min'] }),
    ]);
  });

  it('has no more fields named than allowed, and long names cut', async () => {
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}-${'n'.repeat(5000)}`, 1]));
    const fields = await refusedFields(body, Item);
    expect(fields).toHaveLength(50);
    expect(Math.max(...(fields ?? []).map(({ field }) => field.length))).toBe(201);
    expect(await refusedFields(body, Item, { maxFields: 3 })).toHaveLength(3);
  });

  it('has no inherited name let through as known', async () => {
    const body = JSON.parse('{"name":"a","amount":1,"hasOwnProperty":1,"isPrototypeOf":1,"toString":1}') as object;
    const result = await transformed(body, Item);
    expect(Object.keys(result as object)).toEqual(['name', 'amount']);
  });
});

describe('the bounds', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(17)}${']'.repeat(17)}`);

  it.each<[string, Type | undefined]>([
    ['no class', undefined],
    ['Object', Object],
    ['Array', Array],
    ['a class', Order],
  ])('hold where the parameter has %s', async (_, metatype) => {
    expect(await refusal(deep, metatype)).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: 'The request is nested too deeply',
      code: 'input_too_deep',
    });
  });

  it('hold for queries', async () => {
    expect(await refusal(deep, undefined, {}, { type: 'query' })).toMatchObject({ code: 'input_too_deep' });
  });

  it('do not hold for parameters of the application itself', async () => {
    expect(await transformed(deep, undefined, {}, { type: 'custom' })).toBe(deep);
  });

  it('are those of the options', async () => {
    expect(await transformed(deep, undefined, { maxDepth: 17 })).toBe(deep);
    expect(await refusal([1, 2, 3], undefined, { maxKeys: 2 })).toMatchObject({ code: 'input_too_many_keys' });
    expect(await refusal({ a: 'abc' }, undefined, { maxStringLength: 2 })).toMatchObject({
      code: 'input_text_too_long',
    });
    expect(await refusal(deep, undefined, { maxDepth: undefined } as never)).toMatchObject({ code: 'input_too_deep' });
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuse %s before anything removes it', async (key) => {
    const body: unknown = JSON.parse(`{"name":"a","amount":1,"${key}":{"admin":true}}`);
    expect(await refusal(body, Item)).toMatchObject({ statusCode: 400, code: 'input_key_forbidden' });
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});

describe('a rule or a transformation that throws', () => {
  class Trimmed {
    @Transform(({ value }) => (value as string).trim()) @IsString() name!: string;
  }
  class Numbered {
    @TypeOf(() => Number) @IsInt() amount!: number;
  }
  @ValidatorConstraint({ name: 'shouting' })
  class Shouting implements ValidatorConstraintInterface {
    validate(value: string): boolean {
      return value.toUpperCase() === value;
    }
  }
  class Loud {
    @IsString() @Validate(Shouting) name!: string;
  }
  class Conditional {
    @ValidateIf((body: { kind: string }) => body.kind.startsWith('a')) @IsString() name?: string;
  }

  it.each<[string, Type, unknown]>([
    ['a @Transform that expects text', Trimmed, { name: { secret: 1 } }],
    ['a @Type that cannot convert', Numbered, { amount: { toString: 1, valueOf: 1 } }],
    ['a rule of the application that expects text', Loud, { name: 5 }],
    ['a condition that reads what is absent', Conditional, { name: 'x' }],
  ])('refuses the input: %s', async (_, metatype, body) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    try {
      expect(await refusal(body, metatype)).toMatchObject({ statusCode: 400, code: 'validation_failed', fields: [] });
    } finally {
      warn.mockRestore();
    }
  });

  it('is told of once for a class, without the value', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    try {
      const pipe = new SecurityValidationPipe();
      class Parsed {
        @Transform(({ value }) => JSON.parse(value as string) as unknown) json!: unknown;
      }
      for (let i = 0; i < 3; i += 1) {
        await expect(pipe.transform({ json: 'secret-value' }, { type: 'body', metatype: Parsed })).rejects.toThrow(
          'not valid',
        );
      }
      expect(warn).toHaveBeenCalledTimes(1);
      expect(String(warn.mock.calls[0])).toContain('Parsed threw SyntaxError');
      expect(String(warn.mock.calls[0])).not.toContain('secret');
    } finally {
      warn.mockRestore();
    }
  });

  it('keeps an exception of its own choice', async () => {
    class Choosy {
      @Transform(() => {
        throw new NotFoundException();
      })
      name!: string;
    }
    await expect(transformed({ name: 'x' }, Choosy)).rejects.toBeInstanceOf(NotFoundException);
  });

  it('is a fault of the server where it failed in waiting for something', async () => {
    const away = new Error('database away');
    @ValidatorConstraint({ name: 'looksUp', async: true })
    class LooksUp implements ValidatorConstraintInterface {
      validate(): Promise<boolean> {
        return Promise.reject(away);
      }
    }
    class Looked {
      @Validate(LooksUp) name!: string;
    }
    await expect(transformed({ name: 'x' }, Looked)).rejects.toBe(away);
  });
});

describe('a single parameter', () => {
  it.each<[unknown, Type, unknown]>([
    ['42', Number, 42],
    ['-1.5e3', Number, -1500],
    ['true', Boolean, true],
    ['false', Boolean, false],
    ['text', String, 'text'],
    ['', String, ''],
    [undefined, Number, undefined],
    [undefined, Boolean, undefined],
    [undefined, String, undefined],
  ])('%j becomes what its type says: %p', async (value, metatype, expected) => {
    expect(await transformed(value, metatype, {}, query('field'))).toBe(expected);
  });

  it.each<[unknown, Type, string]>([
    ['abc', Number, 'isNumber'],
    ['', Number, 'isNumber'],
    [' ', Number, 'isNumber'],
    ['NaN', Number, 'isNumber'],
    ['Infinity', Number, 'isNumber'],
    ['0x10', Number, 'isNumber'],
    ['0b1', Number, 'isNumber'],
    ['1_000', Number, 'isNumber'],
    ['1e999', Number, 'isNumber'],
    [' 5', Number, 'isNumber'],
    ['5\n', Number, 'isNumber'],
    ['\u00a05', Number, 'isNumber'],
    ['5\ufeff', Number, 'isNumber'],
    ['\u0665', Number, 'isNumber'],
    [['1'], Number, 'isNumber'],
    [{ valueOf: 1, toString: 1 }, Number, 'isNumber'],
    ['yes', Boolean, 'isBoolean'],
    ['1', Boolean, 'isBoolean'],
    [['true', 'false'], Boolean, 'isBoolean'],
    [['a', 'b'], String, 'isString'],
    [{ toString: '1' }, String, 'isString'],
  ])('%j is refused for %p', async (value, metatype, rule) => {
    for (const metadata of [query('field'), param('field')]) {
      expect(await refusal(value, metatype, {}, metadata)).toEqual({
        statusCode: 400,
        error: 'Bad Request',
        message: 'The request is not valid',
        code: 'validation_failed',
        fields: [{ field: 'field', rules: [rule], messages: [expect.stringMatching(/^must be/u)] }],
      });
    }
  });

  it.each([
    [Number, 'abc'],
    [Number, { $gt: '' }],
    [Boolean, 'yes'],
    [String, { $gt: '' }],
    [String, ['a']],
    [String, 7],
    [String, null],
  ])('of a body declared as %p is refused as %j', async (metatype, value) => {
    await expect(transformed(value, metatype, {}, { type: 'body', data: 'field' })).rejects.toThrow(
      'The request is not valid',
    );
  });

  it.each([
    [Number, 7],
    [Boolean, false],
    [String, ''],
    [String, undefined],
  ])('of a body declared as %p is taken as %j', async (metatype, value) => {
    expect(await transformed(value, metatype, {}, { type: 'body', data: 'field' })).toBe(value);
  });
});
