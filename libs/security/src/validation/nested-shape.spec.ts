import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsDefined, IsOptional, IsString, ValidateNested } from 'class-validator';
import { SecurityValidationPipe } from './validation.pipe.js';

class Street {
  @IsString() name!: string;
}

class Address {
  @IsDefined() @ValidateNested() @Type(() => Street) street!: Street;
}

class Person {
  @IsDefined() @ValidateNested() @Type(() => Address) address!: Address;
  @ValidateNested({ each: true }) @Type(() => Address) others!: Address[];
}

class Team {
  @ValidateNested() @Type(() => Street) streets!: Street[];
}

interface Reached {
  street: Street;
}

/** Of these types the compiler leaves `Object`. */
class Delivery {
  @ValidateNested() @Type(() => Address) to!: Address | Street;
  @IsOptional() @ValidateNested() @Type(() => Address) by?: Reached | null;
  @ValidateNested({ each: true }) @Type(() => Address) via!: readonly Address[] | undefined | Reached;
}

const pipe = new SecurityValidationPipe();
const check = (body: unknown, metatype: new () => object = Person) =>
  pipe.transform(body, { type: 'body', metatype }).then(
    () => 'taken',
    (error: { getResponse(): { code: string; fields: { field: string }[] } }) => {
      const { code, fields } = error.getResponse();
      return `${code} ${fields.map(({ field }) => field).join()}`;
    },
  );

const address = { street: { name: 'Main' } };

describe('A nested field', () => {
  it('is taken in the shape that its class declares', async () => {
    expect(await check({ address, others: [address, address] })).toBe('taken');
    expect(await check({ address, others: [] })).toBe('taken');
    expect(await check({ streets: [{ name: 'Main' }] }, Team)).toBe('taken');
  });

  it.each([
    ['an empty list for an object', { address: [], others: [] }, 'address'],
    ['a list in a list for an object', { address: [[]], others: [] }, 'address'],
    ['a list of objects for an object', { address: [address], others: [] }, 'address'],
    ['an object for a list', { address, others: address }, 'others'],
    ['a list in a list', { address, others: [[address]] }, 'others[0]'],
    ['an empty list further down', { address: { street: [] }, others: [] }, 'address.street'],
    ['an empty list in an item', { address, others: [address, { street: [] }] }, 'others[1].street'],
  ])('is refused as %s', async (_, body, field) => {
    expect(await check(body)).toBe(`validation_failed ${field}`);
  });

  it.each([
    ['an empty list for an object', { to: [], via: [] }, 'to'],
    ['a list of objects for an object', { to: [address], via: [] }, 'to'],
    ['an empty list for an object that may be null', { to: address, by: [], via: [] }, 'by'],
    ['an object for a list', { to: address, via: address }, 'via'],
    ['a list in a list', { to: address, via: [[address]] }, 'via[0]'],
  ])('is refused where the compiler left no class, as %s', async (_, body, field) => {
    expect(await check(body, Delivery)).toBe(`validation_failed ${field}`);
  });

  it('is taken where the compiler left no class, in the shape that its rule asks for', async () => {
    expect(await check({ to: address, by: null, via: [address] }, Delivery)).toBe('taken');
  });
});
