import { HttpException, Injectable, Logger, Optional, ValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { validate, type ValidationError, type ValidatorOptions } from 'class-validator';
import { misshapenFields } from './nested-shape.js';
import { countRules, type RuleCountBounds } from './rule-count.js';
import { hasRules } from './rule-messages.js';
import { bodyOfOtherShape } from './unchecked-parameters.js';
import {
  fieldProblems,
  InvalidRequestException,
  refusedField,
  unknownFields,
  type ReportedError,
} from './validation.exception.js';
import { VALIDATION_DEFAULTS, type ValidationOptions } from './validation.options.js';
import { findInputProblem, type InputBounds } from './validation.policy.js';

/** A rule that did its work elsewhere and failed there; not the fault of the request. */
class RuleFailure {
  constructor(readonly reason: unknown) {}
}

/** What a single parameter of a query, a path or a body may be, by the type it is declared with. */
const CONVERTIBLE = new Map<
  unknown,
  { readonly rule: string; readonly text: string; accepts(value: unknown): boolean }
>([
  [Number, { rule: 'isNumber', text: 'must be a number', accepts: isNumeric }],
  [Boolean, { rule: 'isBoolean', text: 'must be true or false', accepts: isBoolean }],
  [String, { rule: 'isString', text: 'must be given once, as text', accepts: (value) => typeof value !== 'object' }],
]);

/**
 * Nest's `ValidationPipe` on class-validator with one error shape: fields and rules, never values. Unknown properties
 * are refused, bodies and queries are bounded even where a parameter has no class, and input that makes a rule or a
 * transformation throw is a 400 like any other that is not valid.
 *
 * @throws InvalidRequestException for input that is refused
 */
@Injectable()
export class SecurityValidationPipe extends ValidationPipe {
  private readonly bounds: InputBounds;
  private readonly ruleBounds: RuleCountBounds;
  private readonly logger = new Logger(SecurityValidationPipe.name);
  private readonly warned = new WeakSet<object>();

  constructor(@Optional() options: ValidationOptions = {}) {
    const { unknownProperties, maxFields, maxRules, stopAtFirstError, ...bounds } = {
      ...VALIDATION_DEFAULTS,
      ...defined(options),
    };
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: unknownProperties === 'refuse',
      stopAtFirstError,
      // The target tells which class a rule belongs to; it stays in the process. The value is not even collected.
      validationError: { target: true, value: false },
      exceptionFactory: (errors) =>
        new InvalidRequestException('validation_failed', fieldProblems(errors as readonly ReportedError[], maxFields)),
    });
    this.bounds = bounds;
    this.ruleBounds = { maxRules, maxUnknown: unknownProperties === 'refuse' ? maxFields : Infinity };
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' || metadata.type === 'query') {
      const problem = findInputProblem(value, this.bounds);
      if (problem !== undefined) throw new InvalidRequestException(problem);
    }
    const isDescribed = this.toValidate(metadata);
    const misshapen = metadata.type === 'body' && !isDescribed ? bodyOfOtherShape(value, metadata) : undefined;
    if (misshapen !== undefined) throw refusedField(metadata.data ?? 'body', misshapen.rule, misshapen.text);
    if (isDescribed && isNoObject(value, metadata)) throw refusedField(metadata.data ?? metadata.type, 'isObject');
    try {
      // As Nest's pipe does it, without a second promise for each parameter that has no class.
      if (!isDescribed) return this.transformPrimitive(value, metadata);
      return (await super.transform(value, metadata)) as unknown;
    } catch (error) {
      if (error instanceof HttpException) throw error;
      if (error instanceof RuleFailure) throw error.reason;
      this.warnOnce(metadata, error);
      throw new InvalidRequestException('validation_failed', []);
    }
  }

  protected override validate(object: object, options?: ValidatorOptions): Promise<ValidationError[]> {
    // What is thrown here, at once, was thrown by a rule that has seen nothing but the input: it counts as broken
    // (fails closed). A promise that rejects may be a database that is away, and stays the server's fault.
    this.refuseTooMuch(object);
    const misshapen = misshapenFields(object);
    if (misshapen.length > 0) return Promise.resolve(misshapen as ValidationError[]);
    return validate(object, options).catch((reason: unknown) => {
      // What only a value of an unforeseen type can bring about is no database that is away.
      if (reason instanceof TypeError || reason instanceof RangeError) throw reason;
      throw new RuleFailure(reason);
    });
  }

  /** Refuses, before any rule is asked, what would keep the process busy for too long. */
  private refuseTooMuch(object: object): void {
    const { maxRules, maxUnknown } = this.ruleBounds;
    const { rules, unknown } = countRules(object, this.ruleBounds);
    if (rules > maxRules) throw new InvalidRequestException('input_too_many_keys');
    if (unknown.length > maxUnknown) throw unknownFields(unknown.slice(0, maxUnknown));
  }

  protected override transformPrimitive(value: unknown, metadata: ArgumentMetadata): unknown {
    const { data, type, metatype } = metadata;
    const conversion = CONVERTIBLE.get(metatype);
    if (
      conversion !== undefined &&
      data !== undefined &&
      value !== undefined &&
      (type === 'query' || type === 'param' || type === 'body')
    ) {
      // A body is JSON or a form: text is text in both.
      const isOtherText = type === 'body' && metatype === String && typeof value !== 'string';
      if (isOtherText || !conversion.accepts(value)) {
        throw refusedField(data, conversion.rule, conversion.text);
      }
    }
    return super.transformPrimitive(value, metadata);
  }

  /** Tells of a rule that cannot take every value, once: a client can break it as often as it likes. */
  private warnOnce({ metatype }: ArgumentMetadata, error: unknown): void {
    if (metatype === undefined || this.warned.has(metatype)) return;
    this.warned.add(metatype);
    // The message of the error may quote the value.
    const kind = error instanceof Error ? error.name : typeof error;
    this.logger.warn(
      `A rule, @Type or @Transform of ${metatype.name} threw ${kind} on a request, which was answered with 400. ` +
        'Let it accept any value',
    );
  }
}

/** A list or a bare value satisfies any class whose properties may all be absent; not every version of Nest minds. */
function isNoObject(value: unknown, { metatype }: ArgumentMetadata): boolean {
  if (value === undefined || value === null) return false;
  if (typeof metatype !== 'function' || !hasRules(metatype)) return false;
  return typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value);
}

/** A number as people and programs write it: `Number` also reads `0x10`, and white space of every kind around it. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

function isNumeric(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' && DECIMAL.test(value) && Number.isFinite(Number(value));
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean' || value === 'true' || value === 'false';
}

function defined(options: ValidationOptions): ValidationOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
