/** Order statistics over a few rounds: medians and ranges, no distribution assumed. */

export function quantile(values, q) {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const above = Math.ceil(position);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

export function median(values) {
  return quantile(values, 0.5);
}

/** Median with the whole range: with so few rounds an interval computed from a formula would promise too much. */
export function spread(values) {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    samples: values.length,
  };
}

/** Ratios are taken inside a round, so a slow minute of the machine slows both sides of each. */
export function ratios(values, base) {
  return spread(values.map((value, round) => value / base[round]));
}

/**
 * The largest distance from 1 that two identical servers showed: nothing nearer to 1 than this can be
 * called a difference.
 */
export function smallestVisibleEffect(control) {
  return Math.max(Math.abs(control.min - 1), Math.abs(control.max - 1));
}
