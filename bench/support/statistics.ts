/** Medians and spread: what a noisy machine allows to be said. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * The ratios of two series measured in turn, round by round: what drifts from round to round cancels out. Rounds in
 * which one of them is missing do not count.
 * @returns undefined when no round is left
 */
export function ratiosOf(
  numerators: readonly (number | undefined)[],
  denominators: readonly (number | undefined)[],
): Spread | undefined {
  const ratios = numerators.map((value, round) => Number(value) / Number(denominators[round]));
  const known = ratios.filter((ratio) => Number.isFinite(ratio));
  return known.length === 0 ? undefined : spreadOf(known);
}

/**
 * The value below which a share of all values lies (nearest rank).
 * @param sorted in ascending order, at least one
 * @param share 0 to 1
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1]!;
}
