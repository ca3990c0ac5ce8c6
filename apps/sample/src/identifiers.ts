const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Anything else must not reach a query: PostgreSQL answers a malformed uuid with an error. */
export function isIdentifier(value: string): boolean {
  return UUID.test(value);
}
