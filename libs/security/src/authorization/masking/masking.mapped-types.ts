import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { shared } from '../../core/copies.js';
import type { FieldRule } from './masking.rules.js';

/**
 * `OmitType`, `PickType` and `PartialType` make classes that do not extend the one they are made from, and take along
 * the metadata of class-transformer. So each rule leaves a transformation there, by which it is found again.
 */
const rules = shared('masking-traces', () => new WeakMap<object, FieldRule>());

export function leaveTrace(transformation: object, rule: FieldRule): void {
  rules.set(transformation, rule);
}

/** The rules that a class was given by the transformations it took over. */
export function* tracedRules(constructor: unknown): Generator<[string, FieldRule]> {
  for (const [field, transformations] of defaultMetadataStorage._transformMetadatas?.get(constructor) ?? []) {
    for (const { transformFn } of transformations) {
      const rule = rules.get(transformFn);
      if (rule !== undefined) yield [field, rule];
    }
  }
}
