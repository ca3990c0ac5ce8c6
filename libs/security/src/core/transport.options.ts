import type { ConfigurationProblem } from './errors.js';
import { describe, isRecord } from './options.rules.js';

/** Adds what keeps a list from being one of transports to `problems`. */
export function checkTransports(option: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (!Array.isArray(option)) {
    problems.push({
      where: path,
      problem: `must be a list of transports, not ${describe(option)}`,
      fix: 'Write [graphql()]',
    });
    return;
  }
  const types = new Set<unknown>();
  option.forEach((transport: unknown, index) => {
    const where = `${path}[${index}]`;
    if (!isTransport(transport)) {
      problems.push({
        where,
        problem: `is no transport: ${describe(transport)}`,
        fix: 'Call the function that makes one: graphql()',
      });
      return;
    }
    if (transport.type === 'http') {
      problems.push({ where, problem: 'is for HTTP, which is always served', fix: 'Take it off the list' });
    }
    if (types.has(transport.type)) {
      problems.push({ where, problem: `is the second one for "${transport.type}"`, fix: 'Keep one of them' });
    }
    types.add(transport.type);
  });
}

function isTransport(value: unknown): value is { readonly type: string } {
  return (
    isRecord(value) &&
    typeof value['type'] === 'string' &&
    value['type'] !== '' &&
    typeof value['handlerOf'] === 'function' &&
    typeof value['callOf'] === 'function'
  );
}
