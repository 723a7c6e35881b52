/**
 * Times as the admin API writes them.
 */

/** ISO 8601 in UTC, from milliseconds since the epoch. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
