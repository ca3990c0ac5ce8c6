import { withoutBlanks } from '../../core/http-grammar.js';

/**
 * The `Vary` of an answer with one or more names added; names are compared without regard to case, and `*` stays alone
 * (RFC 9110, section 12.5.5). `existing` is what `getHeader` answers.
 */
export function mergeVary(existing: string | readonly string[] | number | undefined, added: string): string {
  if (existing === undefined || existing === '') return added;
  if (existing === added) return added;
  if (typeof existing === 'string' && existing.startsWith(added) && existing[added.length] === ',') return existing;
  return merge(typeof existing === 'object' ? existing.join(', ') : String(existing), added);
}

function merge(existing: string, added: string): string {
  const names = namesOf(existing);
  const more = namesOf(added).filter((name) => name !== '');
  if (names.includes('*') || more.includes('*')) return '*';
  const known = new Set(names.map((name) => name.toLowerCase()));
  let merged = names.some((name) => name !== '') ? existing : '';
  for (const name of more) {
    const key = name.toLowerCase();
    if (known.has(key)) continue;
    known.add(key);
    merged = merged === '' ? name : `${merged}, ${name}`;
  }
  return merged;
}

function namesOf(value: string): string[] {
  return value.split(',').map((name) => withoutBlanks(name));
}
