/** Text without control characters (PostgreSQL stores no NUL) and without halves of a surrogate pair. */
export const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
