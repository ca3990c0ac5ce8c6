// What @Type says of a property, and what @nestjs/mapped-types copies from class to class; class-transformer gives no
// other way to it, and no types.
declare module 'class-transformer/cjs/storage.js' {
  export const defaultMetadataStorage: {
    readonly _transformMetadatas?: ReadonlyMap<
      unknown,
      ReadonlyMap<string, readonly { readonly transformFn: object }[]>
    >;
    findTypeMetadata?(target: unknown, propertyName: string): { readonly typeFunction?: () => unknown } | undefined;
  };
}
