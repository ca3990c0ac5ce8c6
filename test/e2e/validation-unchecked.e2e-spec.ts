import {
  Body,
  Controller,
  Get,
  Headers,
  Param,
  ParseArrayPipe,
  Post,
  Query,
  UsePipes,
  ValidationPipe,
  type Type,
} from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Public, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { Type as TypeOf } from 'class-transformer';
import { IsArray, IsDefined, IsInt, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import { ADAPTERS, startApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';

class Item {
  @IsString() name!: string;
  @IsInt() amount!: number;
}

interface Shape {
  name: string;
}

abstract class Creating<T> {
  @Post('generic') create(@Body() body: T): unknown {
    return { body };
  }
}

@Controller()
@Public()
class Erased extends Creating<Item> {
  @Post('interface') shape(@Body() body: Shape): unknown {
    return { body };
  }
  @Post('union') union(@Body() body: Item | Shape): unknown {
    return { body };
  }
  @Post('partial') partial(@Body() body: Partial<Item>): unknown {
    return { body };
  }
  @Post('list') list(@Body() body: Item[]): unknown {
    return { body };
  }
  @Post('field') field(@Body('tags') tags: string[]): unknown {
    return { tags };
  }
  @Get('query') query(@Query() query: Record<string, string>): unknown {
    return { query };
  }
  @Get('head') head(@Headers() headers: Item, @Headers() all: Record<string, string>): unknown {
    return { headers, all };
  }
  @Get('from') from(@Query('from') from: Date): unknown {
    return { from };
  }
}

@Controller()
@Public()
class Checked {
  @Post('item') item(@Body() body: Item): unknown {
    return { body };
  }
  @Post('optional') optional(@Body() body?: Item): unknown {
    return { body };
  }
  @Post('items') items(@Body(new ParseArrayPipe({ items: Item })) body: Item[]): unknown {
    return { body };
  }
  @Post('own') @UsePipes(new ValidationPipe({ expectedType: Item })) own(@Body() body: Shape): unknown {
    return { body };
  }
  @Get('one/:id') one(@Param('id') id: string, @Query('page') page: number): unknown {
    return { id, page };
  }
  @Post('text') text(@Body() body: string): unknown {
    return { body };
  }
}

/** As a compiler leaves a class that emits no types of parameters. */
class Untyped {
  create(body: Item): unknown {
    return { body };
  }
}
Controller()(Untyped);
Public()(Untyped);
Post('untyped')(Untyped.prototype, 'create', Object.getOwnPropertyDescriptor(Untyped.prototype, 'create') as never);
Body()(Untyped.prototype, 'create', 0);

async function warningsOf(controller: Type, options: SecurityOptions = {}): Promise<string[]> {
  const warnings: string[] = [];
  const silent = () => undefined;
  const running = await startApplication(
    'express',
    {
      imports: [SecurityModule.forRoot(securityWith(signingKey('EdDSA'), options))],
      controllers: [controller],
    },
    {
      logger: { log: silent, error: silent, debug: silent, warn: (message: string) => warnings.push(message) },
    },
  );
  await running.close();
  return warnings.filter((warning) => /checks|applies the rules/.test(warning));
}

describe('A parameter whose type does not outlive compilation', () => {
  it('is named when the application starts, with what is left of it', async () => {
    const [warning, ...others] = await warningsOf(Erased);
    expect(others).toEqual([]);
    const erased = 'an interface, a union, a generic or unknown';
    for (const place of [
      `@Body() of Erased.create (${erased})`,
      `@Body() of Erased.shape (${erased})`,
      `@Body() of Erased.union (${erased})`,
      `@Body() of Erased.partial (${erased})`,
      '@Body() of Erased.list (a list)',
      "@Body('tags') of Erased.field (a list)",
      `@Query() of Erased.query (${erased})`,
      '@Headers() of Erased.head (Nest validates bodies, queries and paths only)',
      "@Query('from') of Erased.from (a Date, which arrives as text)",
    ]) {
      expect(warning).toContain(place);
    }
  });

  it('is named where the compiler emits no types at all', async () => {
    const [warning] = await warningsOf(Untyped);
    expect(warning).toContain('@Body() of Untyped.create: the compiler left no types of parameters');
    expect(warning).toContain('emitDecoratorMetadata');
  });

  it('is not named where a class, a plain type or a pipe of its own checks it', async () => {
    expect(await warningsOf(Checked)).toEqual([]);
  });

  it('is not named without validation', async () => {
    expect(await warningsOf(Erased, { validation: false })).toEqual([]);
  });
});

class Place {
  @IsString() city!: string;
}

class Label {
  @IsDefined() origin!: Place;
}

class Parcel {
  @IsObject() content!: Item;
  @IsArray() @TypeOf(() => Item) extras!: Item[];
  @ValidateNested() @TypeOf(() => Label) label!: Label;
  @ValidateNested({ each: true }) @TypeOf(() => Item) items!: Item[];
  @IsObject() notes!: Record<string, string>;
  @IsOptional() @ValidateNested() @TypeOf(() => Parcel) inner?: Parcel;
}

@Controller()
@Public()
class Parcels {
  @Post('parcels') send(@Body() parcel: Parcel): unknown {
    return { parcel };
  }
}

describe('A property that holds a class with rules', () => {
  it('is named when the application starts if nothing applies them', async () => {
    const [warning, ...others] = await warningsOf(Parcels);
    expect(others).toEqual([]);
    expect(warning).toContain(
      'Parcel.content (the rules of Item), Parcel.extras (the rules of Item), Label.origin (the rules of Place). ' +
        'Add @ValidateNested()',
    );
  });
});

describe.each(ADAPTERS)('A body that is declared as a list or as text on %s', (adapter) => {
  const start = () =>
    startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(signingKey('EdDSA')))],
      controllers: [Erased, Checked],
    });

  it.each<[string, string, string, string]>([
    ['/list', '{"0":{"name":"a"}}', 'body', 'isArray'],
    ['/list', '{}', 'body', 'isArray'],
    ['/field', '{"tags":{"$ne":"a"}}', 'tags', 'isArray'],
    ['/field', '{"tags":"a"}', 'tags', 'isArray'],
    ['/text', '{"$ne":""}', 'body', 'isString'],
    ['/text', '["a"]', 'body', 'isString'],
  ])('is refused at %s where it is something else: %s', async (path, body, field, rule) => {
    const running = await start();
    const answer = await running.client.post(path, body, { 'content-type': 'application/json' });
    await running.close();
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'validation_failed', fields: [{ field, rules: [rule] }] });
  });

  it.each<[string, string, unknown]>([
    ['/list', '[{"name":"a"}]', { body: [{ name: 'a' }] }],
    ['/field', '{"tags":["a"]}', { tags: ['a'] }],
    ['/field', '{"tags":null}', { tags: null }],
    ['/field', '{}', {}],
  ])('is passed on at %s where it is one: %s', async (path, body, expected) => {
    const running = await start();
    const answer = await running.client.post(path, body, { 'content-type': 'application/json' });
    await running.close();
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual(expected);
  });
});
