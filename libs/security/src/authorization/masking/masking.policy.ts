import { types } from 'node:util';
import {
  conceal,
  concealedFrom,
  DROPPED,
  planOf,
  PLAIN,
  put,
  standIn,
  viewOf,
  type ClassPlan,
  type Fields,
  type MaskingViewer,
  type View,
} from './masking.plan.js';
import { ownToJson, sealedField, sealPrototype } from './masking.serialization.js';

export type { MaskingViewer } from './masking.plan.js';

/** Answers deeper than this are looked at again by a walk that recognises cycles. */
const SHALLOW = 64;
const DEEPEST = 1000;

const TOO_DEEP = Symbol('palisade.too-deep');

/** Thrown when an answer cannot be masked; the answer is then a 500 instead of what should be hidden (fails closed). */
export class MaskingError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MaskingError';
  }
}

/**
 * What the viewer may see of a value, as plain objects ready for JSON; the value itself where nothing in it has a
 * rule. Changes nothing of the value. Cycles are kept as they are. Asks for the viewer only when an instance with
 * rules is met.
 *
 * @throws MaskingError when a value is nested deeper than 1,000 levels, or an instance with rules has a `toJSON` that
 *   cannot do without the hidden fields
 */
export function mask(value: unknown, viewerOf: () => MaskingViewer | undefined): unknown {
  if (!isWalked(value)) return value;
  try {
    return shown(new Masking(viewerOf).value(value, 0));
  } catch (error) {
    if (error !== TOO_DEEP) throw error;
  }
  const masking = new Masking(viewerOf, new Map());
  const copy = masking.value(value, 0);
  return masking.masked ? shown(copy) : value;
}

function shown(masked: unknown): unknown {
  return masked === DROPPED ? undefined : masked;
}

function isWalked(value: unknown): value is object {
  return typeof value === 'object' ? value !== null : typeof value === 'function';
}

/** A subclass of Array with a `toJSON` is shown as that says. */
function isList(value: object): value is readonly unknown[] {
  if (!Array.isArray(value)) return false;
  return Object.getPrototypeOf(value) === Array.prototype || !('toJSON' in value);
}

/** One walk through one answer. */
class Masking {
  /** True once something was kept from the viewer or might have been. */
  masked = false;
  private readonly views = new Map<ClassPlan, View>();
  private viewer: MaskingViewer | undefined;
  private viewerKnown = false;

  /** With `copies` everything is copied, each object once, so that cycles end; without, as little as possible is. */
  constructor(
    private readonly viewerOf: () => MaskingViewer | undefined,
    private readonly copies?: Map<object, unknown>,
  ) {}

  value(value: object, depth: number): unknown {
    if (typeof value === 'function') return this.unsealed(value, depth);
    if (depth > (this.copies === undefined ? SHALLOW : DEEPEST)) throw this.tooDeep();
    const known = this.copies?.get(value);
    if (known !== undefined) return known;
    if (isList(value)) return this.list(value, depth);
    const plan = planOf(value);
    if (plan.leaf) return value;
    if (plan.rules !== undefined) return this.instance(value, plan, depth);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') {
      const json: unknown = toJSON.call(value, '');
      if (!isWalked(json)) return value;
      const masked = this.answer(json, depth + 1);
      return masked === json ? value : masked;
    }
    return this.container(value, plan, depth);
  }

  private container(value: object, plan: ClassPlan, depth: number): unknown {
    if (plan !== PLAIN) {
      if (types.isMap(value)) return this.map(value, depth);
      if (types.isSet(value)) return this.set(value, depth);
    }
    return this.fields(value as Fields, plan, depth);
  }

  private list(list: readonly unknown[], depth: number): unknown {
    let copy = this.begin(list, () => Array.from(list));
    for (let i = 0; i < list.length; i += 1) {
      const item = list[i];
      if (!isWalked(item)) continue;
      const masked = this.value(item, depth + 1);
      if (masked === item) continue;
      copy ??= Array.from(list);
      copy[i] = shown(masked);
    }
    return copy ?? list;
  }

  private map(map: Map<unknown, unknown>, depth: number): unknown {
    let copy = this.begin(map, () => new Map(map));
    for (const [key, item] of map) {
      if (!isWalked(item)) continue;
      const masked = this.value(item, depth + 1);
      if (masked === item) continue;
      copy ??= new Map(map);
      if (masked === DROPPED) copy.delete(key);
      else copy.set(key, masked);
    }
    return copy ?? map;
  }

  private set(set: Set<unknown>, depth: number): unknown {
    const copy = this.begin(set, () => new Set()) ?? new Set();
    let changed = this.copies !== undefined;
    for (const item of set) {
      const masked = isWalked(item) ? this.value(item, depth + 1) : item;
      if (masked !== DROPPED) copy.add(masked);
      if (masked !== item) changed = true;
    }
    return changed ? copy : set;
  }

  private fields(source: Fields, plan: ClassPlan, depth: number): unknown {
    let copy = this.begin(source, () => new plan.Copy());
    const fields = Object.keys(source);
    for (let i = 0; i < fields.length; i += 1) {
      const field = fields[i] as string;
      const child = source[field];
      const masked = isWalked(child) ? this.value(child, depth + 1) : child;
      if (copy === undefined) {
        if (masked === child || !isWalked(child)) continue;
        copy = new plan.Copy();
        for (let j = 0; j < i; j += 1) put(copy, fields[j] as string, source[fields[j] as string]);
      }
      if (masked !== DROPPED) put(copy, field, masked);
    }
    return copy ?? source;
  }

  private instance(instance: object, plan: ClassPlan, depth: number): unknown {
    const view = this.viewOf(plan);
    const toJson = ownToJson(instance);
    if (toJson === undefined) return this.shown(instance, plan, depth);
    if (Object.hasOwn(instance, 'toJSON')) {
      throw new MaskingError(
        `${nameOf(plan)} sets toJSON on its instances. Make it a method, so that masking can run it`,
      );
    }
    // Where nothing is hidden the instance itself serves, `#private` fields and all.
    const stand = view.size === 0 ? instance : standIn(instance, plan, view);
    let json: unknown;
    try {
      json = toJson.call(stand, '');
    } catch (cause) {
      throw new MaskingError(
        `The toJSON of ${nameOf(plan)} failed without the fields that the caller may not see. ` +
          'Let it accept that they are absent, or give @VisibleTo a mask',
        { cause },
      );
    }
    if (json === stand) return this.copied(stand as Fields, plan, depth);
    return isWalked(json) ? this.answer(json, depth + 1) : json;
  }

  /** Walks what a `toJSON` answered with: JSON calls no second one on it. */
  private answer(json: object, depth: number): unknown {
    if (typeof json === 'function') return json;
    if (Array.isArray(json)) return this.list(json, depth);
    const plan = planOf(json);
    if (plan.leaf) return json;
    return plan.rules === undefined ? this.container(json, plan, depth) : this.shown(json, plan, depth);
  }

  /** The fields of an instance with rules that the viewer may see. */
  private shown(instance: object, plan: ClassPlan, depth: number): unknown {
    const view = this.viewOf(plan);
    const copy = new plan.Copy();
    this.copies?.set(instance, copy);
    const inherited = plan.accessors.filter((field) => !Object.hasOwn(instance, field));
    for (const field of [...Object.keys(instance), ...inherited]) {
      const concealed = view.get(field);
      this.add(
        copy,
        field,
        concealed === undefined ? (instance as Fields)[field] : conceal(concealed, instance, field),
        depth,
      );
    }
    return copy;
  }

  private copied(source: Fields, plan: ClassPlan, depth: number): unknown {
    const copy = new plan.Copy();
    for (const field of Object.keys(source)) this.add(copy, field, source[field], depth);
    return copy;
  }

  private add(copy: Fields, field: string, value: unknown, depth: number): void {
    const masked = isWalked(value) ? this.value(value, depth + 1) : value;
    if (masked !== DROPPED) put(copy, field, masked);
  }

  private unsealed(carrier: object, depth: number): unknown {
    const sealed = sealedField(carrier);
    if (sealed === undefined) return carrier;
    this.masked = true;
    const concealed = concealedFrom(sealed.rules, this.currentViewer());
    const value = concealed === undefined ? sealed.value : conceal(concealed, sealed, 'value');
    return isWalked(value) ? this.value(value, depth) : value;
  }

  private begin<C>(source: object, create: () => C): C | undefined {
    if (this.copies === undefined) return undefined;
    const copy = create();
    this.copies.set(source, copy);
    return copy;
  }

  private viewOf(plan: ClassPlan): View {
    this.masked = true;
    let view = this.views.get(plan);
    if (view === undefined) {
      // A subclass may have brought a toJSON of its own since its base class was sealed.
      sealPrototype(plan.prototype);
      view = viewOf(plan.rules ?? new Map(), this.currentViewer());
      this.views.set(plan, view);
    }
    return view;
  }

  private currentViewer(): MaskingViewer | undefined {
    if (!this.viewerKnown) {
      this.viewer = this.viewerOf();
      this.viewerKnown = true;
    }
    return this.viewer;
  }

  private tooDeep(): unknown {
    if (this.copies === undefined) return TOO_DEEP;
    return new MaskingError(`An answer is nested deeper than ${DEEPEST} levels and cannot be masked`);
  }
}

function nameOf(plan: ClassPlan): string {
  const { constructor } = plan.prototype as { constructor?: unknown };
  return typeof constructor === 'function' ? constructor.name : 'a class';
}
