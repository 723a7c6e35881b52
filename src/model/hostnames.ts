/**
 * What two hostnames have in common, of which either may be a wildcard.
 */

/** The more specific of two hostnames of which one covers the other. */
export function commonHostname(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

function covers(wide: string, narrow: string): boolean {
  return wide === "*" || wide === narrow || (wide.startsWith("*.") && narrow.endsWith(wide.slice(1)));
}
