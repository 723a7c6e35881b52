/**
 * The kernel's monotonic clock in milliseconds, the same in every thread, unlike `performance.now()`.
 */

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
