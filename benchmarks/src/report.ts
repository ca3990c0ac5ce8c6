import type { Machine, Row, SuiteResult } from './results.js';
import type { Spread } from './statistics.js';

/** The tables of a run, for a terminal. */
export function renderMachine({ node, platform, cpu, cores, load }: Machine): string {
  return `Node ${node}, ${platform}, ${cores} × ${cpu}, load before the run ${load}`;
}

export function renderSuite(result: SuiteResult): string {
  const { title, unit, rounds, rows, notes, comparison } = result;
  const withRate = rows.some((row) => row.perSecond !== undefined);
  const heading = [
    '',
    unit,
    'middle half',
    ...(withRate ? ['per second'] : []),
    comparison.heading,
    'middle half',
    'budget',
  ];
  const lines: string[][] = [heading];
  let group = '';
  for (const row of rows) {
    if (row.group !== group) lines.push([(group = row.group)]);
    lines.push(cellsOf(row, result, withRate));
  }
  const table = alignColumns(lines);
  return [`${title} (medians of ${rounds} rounds)`, '', ...table, '', ...notes.map((note) => `  ${note}`)].join('\n');
}

function cellsOf({ subject, value, perSecond, comparison, verdict }: Row, result: SuiteResult, withRate: boolean) {
  const compare = result.comparison.kind === 'ratio' ? ratio : added;
  return [
    `  ${subject}`,
    figure(value.median),
    band(value, figure),
    ...(withRate ? [perSecond === undefined ? '' : perSecond.median.toFixed(0)] : []),
    comparison === undefined ? '' : compare(comparison.median),
    comparison === undefined ? '' : band(comparison, compare),
    verdict?.text ?? '',
  ];
}

function band({ lower, upper }: Spread, format: (value: number) => string): string {
  return `${format(lower)}–${format(upper)}`;
}

function figure(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

function ratio(value: number): string {
  return `${value.toFixed(2)} ×`;
}

function added(value: number): string {
  return `${value < 0 ? '−' : '+'}${figure(Math.abs(value))}`;
}

/** The first column starts on the left, as does the last; figures end on the right. */
function alignColumns(lines: readonly string[][]): string[] {
  const columns = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.filter((line) => line.length > 1).map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] as number;
        return column === 0 || column === columns - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
