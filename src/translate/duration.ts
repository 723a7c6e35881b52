/**
 * Milliseconds as a protobuf Duration in JSON: `1500` → `1.5s`.
 */
export function duration(ms: number): string {
  // Three decimals hold a millisecond exactly; a plain division would print 1e-7 for tiny fractions.
  return `${(ms / 1000).toFixed(3).replace(/\.?0+$/, "")}s`;
}
