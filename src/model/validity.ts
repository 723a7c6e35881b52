/**
 * From when until when certificates are valid, and when somebody should be told.
 */

/** In milliseconds since 1970. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Of a secret by its name. */
export interface SecretValidity extends Validity {
  readonly secret: string;
}

const DAY_MS = 86_400_000;
/** A renewal that works happens weeks before. */
const SOON_MS_MAX = 7 * DAY_MS;
/** What is issued for days or hours is renewed when half or a third of that is left. */
const SOON_SHARE = 1 / 4;

/** From then on it ends soon: in the last week, or in the last quarter of what is valid for less than four weeks. */
export function soonMs({ fromMs, toMs }: Validity): number {
  return toMs - Math.min(SOON_MS_MAX, (toMs - fromMs) * SOON_SHARE);
}

/** The next moment after `nowMs` at which there is something else to say of one of them. */
export function nextMomentMs(validities: readonly Validity[], nowMs: number): number | undefined {
  const moments = validities.flatMap((validity) => [validity.fromMs, soonMs(validity), validity.toMs]);
  const next = moments.reduce((least, ms) => (ms > nowMs && ms < least ? ms : least), Infinity);
  return next === Infinity ? undefined : next;
}

/** A date, with the time for what is not valid for long. */
export function momentText(ms: number, { fromMs, toMs }: Validity): string {
  const text = new Date(ms).toISOString();
  return toMs - fromMs >= SOON_MS_MAX / SOON_SHARE
    ? text.slice(0, 10)
    : `${text.slice(0, 10)} at ${text.slice(11, 16)} UTC`;
}
