/** Number of single-character insertions, deletions and substitutions between two texts (Levenshtein distance). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substituted = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substituted, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/**
 * The name that somebody who wrote `written` most likely meant; undefined if none is near. Near is one edit in up to
 * three characters, otherwise two (swapped letters count as two) or a third of the length.
 */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  // Longer input is no typing error, and the distance costs the product of both lengths.
  if (written.length > 64) return undefined;
  const wanted = written.toLowerCase();
  const scored = names.map((name) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }));
  scored.sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name));
  const best = scored[0];
  const allowed = written.length <= 3 ? 1 : Math.max(2, Math.floor(written.length / 3));
  return best && best.distance <= allowed ? best.name : undefined;
}
