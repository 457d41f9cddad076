/** Median of all slopes between two points (Theil and Sen): a few wild samples do not move it. */
export function slope(points) {
  const slopes = [];
  for (let i = 0; i < points.length; i += 1)
    for (let j = i + 1; j < points.length; j += 1)
      if (points[j].x > points[i].x) slopes.push((points[j].y - points[i].y) / (points[j].x - points[i].x));
  return median(slopes);
}

export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
