import { describe, expect, it } from '@jest/globals';
import { plainToInstance, Type } from 'class-transformer';
import {
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  registerDecorator,
  ValidateNested,
  type ValidationOptions as RuleOptions,
} from 'class-validator';
import fc from 'fast-check';
import { InvalidRequestException } from './validation.exception.js';
import { VALIDATION_DEFAULTS, type ValidationOptions } from './validation.options.js';
import { SecurityValidationPipe } from './validation.pipe.js';
import { countRules } from './rule-count.js';

let asked = 0;

/** A rule that counts how often it is asked, and always refuses. */
function Counted(options?: RuleOptions): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'counted',
      target: target.constructor,
      propertyName: String(propertyName),
      options: options ?? {},
      validator: {
        validate: () => {
          asked++;
          return false;
        },
      },
    });
}

class Leaf {
  @Counted() @Counted() a!: unknown;
  @Counted() b!: unknown;
  @Counted() c!: unknown;
  @Counted() d!: unknown;
}

class Special extends Leaf {
  kind = 'special' as const;
  @Counted() e!: unknown;
}

class Tree {
  @Counted() name!: unknown;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Tree)
  children?: Tree[];
}

class Body {
  @IsOptional() @IsArray() @ValidateNested({ each: true }) @Type(() => Leaf) list?: Leaf[];

  @IsOptional() @ValidateNested() @Type(() => Leaf) one?: Leaf;

  @IsOptional() @ValidateNested({ each: true }) @Type(() => Leaf) set?: Set<Leaf>;

  @IsOptional() @ValidateNested({ each: true }) @Type(() => Leaf) map?: Map<string, Leaf>;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Leaf, {
    keepDiscriminatorProperty: true,
    discriminator: { property: 'kind', subTypes: [{ name: 'special', value: Special }] },
  })
  union?: (Leaf | Special)[];

  @IsOptional() @ValidateNested() @Type(() => Tree) tree?: Tree;

  @IsOptional() @Counted({ each: true }) values?: unknown[];
}

const repeat = (count: number, value: unknown): unknown[] => Array.from({ length: count }, () => value);

function nest(levels: number, breadth: number): object {
  return levels === 0 ? {} : { children: repeat(breadth, nest(levels - 1, breadth)) };
}

/** Bodies of up to 100 kB, each the worst of a kind. */
const WORST: Readonly<Record<string, object>> = {
  'a list of empty objects': { list: repeat(9000, {}) },
  'a list of nothing': { list: repeat(9000, null) },
  'a list of numbers': { list: repeat(9000, 1) },
  'a list of lists': { list: repeat(9000, []) },
  'lists in lists': { list: [repeat(90, repeat(90, {}))] },
  'a set of empty objects': { set: repeat(9000, {}) },
  'a map of empty objects': { map: Object.fromEntries(repeat(4000, 0).map((_, index) => [`k${index}`, {}])) },
  'a list by discriminator': { union: repeat(4000, { kind: 'special' }) },
  'a wide tree': { tree: { children: repeat(9000, {}) } },
  'a tree': { tree: nest(6, 4) },
  'a deep tree': { tree: nest(6, 1) },
  'many values': { values: repeat(9000, 1) },
  'many values, and the same again': { values: repeat(9900, 1), list: repeat(90, {}) },
  'unknown properties': Object.fromEntries(repeat(9000, 0).map((_, index) => [`k${index}`, 0])),
  'unknown properties of items': {
    list: repeat(90, Object.fromEntries(repeat(100, 0).map((_, index) => [`k${index}`, 0]))),
  },
  'everything at once': { list: repeat(200, {}), union: repeat(200, {}), tree: nest(4, 4), values: repeat(5000, 1) },
};

async function refusalOf(body: object, options: ValidationOptions = {}): Promise<InvalidRequestException> {
  asked = 0;
  try {
    const parsed: unknown = JSON.parse(JSON.stringify(body));
    await new SecurityValidationPipe(options).transform(parsed, { type: 'body', metatype: Body });
  } catch (error) {
    if (error instanceof InvalidRequestException) return error;
    throw error;
  }
  throw new Error('The body was taken');
}

describe('The rules that a body has asked', () => {
  it.each(Object.entries(WORST))('are no more than the bound: %s', async (_, body) => {
    for (const maxRules of [1, 500, VALIDATION_DEFAULTS.maxRules]) {
      const { code, fields = [] } = await refusalOf(body, { maxRules });
      expect(asked).toBeLessThanOrEqual(maxRules);
      expect(['input_too_many_keys', 'validation_failed']).toContain(code);
      expect(fields.length).toBeLessThanOrEqual(VALIDATION_DEFAULTS.maxFields);
    }
  });

  it.each(Object.entries(WORST))('are none where there are too many of them: %s', async (_, body) => {
    const { code } = await refusalOf(body, { maxRules: 1, maxFields: 1000 });
    expect(code === 'input_too_many_keys' ? asked : 0).toBe(0);
  });

  it.each(['a list of empty objects', 'a list of lists', 'a wide tree', 'a tree', 'a list by discriminator'])(
    'are none where there are too many objects: %s',
    async (name) => {
      const { code } = await refusalOf(WORST[name] as object, { maxRules: 1_000_000 });
      expect(code).toBe('input_too_many_keys');
      expect(asked).toBe(0);
    },
  );

  it('are all of them in a body of ordinary size', async () => {
    const { code, fields } = await refusalOf({ list: repeat(100, { a: 1, b: 2, c: 3, d: 4 }) });
    expect(code).toBe('validation_failed');
    expect(fields).toHaveLength(50);
    expect(asked).toBe(500);
  });

  it('are counted for any body at least as often as they are asked', async () => {
    const leaf = fc.record({ a: fc.constant(1), kind: fc.constantFrom('special', 'other') }, { requiredKeys: [] });
    const leaves = fc.array(leaf, { maxLength: 5 });
    const tree = fc.letrec((tie) => ({
      tree: fc.record(
        { children: fc.array(tie('tree'), { maxLength: 3, depthIdentifier: 'tree' }) },
        { requiredKeys: [] },
      ),
    })).tree;
    const bodies = fc.record(
      { list: leaves, one: leaf, union: leaves, values: fc.array(fc.integer(), { maxLength: 9 }), tree },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        asked = 0;
        const counted = countRules(plainToInstance(Body, body), { maxRules: Infinity, maxUnknown: Infinity });
        await new SecurityValidationPipe({ unknownProperties: 'drop' })
          .transform(body, { type: 'body', metatype: Body })
          .catch(() => undefined);
        expect(counted.rules).toBeGreaterThanOrEqual(asked);
      }),
      { numRuns: 50 },
    );
  });
});

describe('Unknown properties', () => {
  class Order {
    @IsInt() amount!: number;
    @IsOptional() @ValidateNested({ each: true }) @Type(() => Line) lines?: Line[];
  }
  class Line {
    @IsString() text!: string;
  }

  async function fieldsOf(body: object, options: ValidationOptions = {}) {
    const pipe = new SecurityValidationPipe(options);
    const failed = await pipe.transform(body, { type: 'body', metatype: Order }).catch((error: unknown) => error);
    return (failed as InvalidRequestException).fields ?? [];
  }

  it('are named alone where there are more of them than an answer names', async () => {
    const body = { amount: 'x', lines: [{ text: 't' }, { a: 1, b: 2 }], c: 3 };
    expect(await fieldsOf(body, { maxFields: 2 })).toEqual([
      { field: 'c', rules: ['whitelistValidation'], messages: ['is not a known property'] },
      { field: 'lines[1].a', rules: ['whitelistValidation'], messages: ['is not a known property'] },
    ]);
    const all = await fieldsOf(body);
    expect(all.map(({ field }) => field).toSorted()).toEqual([
      'amount',
      'c',
      'lines[1].a',
      'lines[1].b',
      'lines[1].text',
    ]);
  });

  it('are dropped in any number where that is asked for', async () => {
    const unknown = Object.fromEntries(repeat(900, 0).map((_, index) => [`k${index}`, 0]));
    const pipe = new SecurityValidationPipe({ unknownProperties: 'drop' });
    const order = await pipe.transform({ amount: 1, ...unknown }, { type: 'body', metatype: Order });
    expect(order).toEqual({ amount: 1 });
  });
});
