/** The path of a request target: without query; an absolute target without its scheme and host. */
export function pathOf(target = '/'): string {
  let from = 0;
  if (target.charCodeAt(0) !== 0x2f) {
    const scheme = target.indexOf('://');
    const slash = scheme === -1 ? -1 : target.indexOf('/', scheme + 3);
    if (slash === -1) return '/';
    from = slash;
  }
  const query = target.indexOf('?', from);
  return query === -1 ? (from === 0 ? target : target.slice(from)) : target.slice(from, query);
}
