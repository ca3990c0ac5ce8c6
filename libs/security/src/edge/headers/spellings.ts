/** `script-src` as an option is written: `scriptSrc`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** An object whose keys are the names, each in camelCase or as it stands in the header. */
export type Spelled<Name extends string, Value> = {
  readonly [Key in Name | CamelCase<Name>]?: Value | undefined;
};

/** `scriptSrc` for `script-src`. */
export function camelCaseOf(name: string): string {
  return name.replace(/-./g, (hyphenated) => hyphenated.slice(1).toUpperCase());
}

/** Both ways of writing each name, and the name that stands in the header. */
export function spellingsOf<Name extends string>(names: readonly Name[]): ReadonlyMap<string, Name> {
  return new Map(
    names.flatMap((name) => [
      [camelCaseOf(name), name],
      [name, name],
    ]),
  );
}
