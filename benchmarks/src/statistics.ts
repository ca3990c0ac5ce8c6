/** The median of the rounds and the band they fell in. */
export interface Spread {
  readonly median: number;
  /** A quarter of the rounds lay below. */
  readonly lower: number;
  /** A quarter of the rounds lay above. */
  readonly upper: number;
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
}

export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new Error('No samples were taken');
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantileOf(sorted, 0.5),
    lower: quantileOf(sorted, 0.25),
    upper: quantileOf(sorted, 0.75),
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
    samples,
  };
}

/** Compares round by round, so that whatever slowed the machine in one round weighs on both sides. */
export function ratioOf(samples: readonly number[], reference: readonly number[]): Spread {
  return spreadOf(pairwise(samples, reference, (sample, base) => sample / base));
}

export function differenceOf(samples: readonly number[], reference: readonly number[]): Spread {
  return spreadOf(pairwise(samples, reference, (sample, base) => sample - base));
}

/** The list, started `by` places further: each round begins with another server. */
export function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** Between two samples the value is interpolated. */
function quantileOf(sorted: readonly number[], quantile: number): number {
  const position = (sorted.length - 1) * quantile;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

function pairwise(
  samples: readonly number[],
  reference: readonly number[],
  combine: (sample: number, base: number) => number,
): number[] {
  if (samples.length !== reference.length) throw new Error('Only rounds that were run on both sides can be compared');
  return samples.map((sample, round) => combine(sample, reference[round] as number));
}
