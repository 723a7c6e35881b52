/**
 * When there is something to say of a certificate, whatever it is valid for.
 */
import { expect, test } from "vitest";
import { momentText, nextMomentMs, soonMs } from "../../../src/model/validity.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("a year ends soon in its last week, an hour in its last quarter", () => {
  expect(soonMs({ fromMs: 0, toMs: 365 * DAY })).toBe(358 * DAY);
  expect(soonMs({ fromMs: 0, toMs: 28 * DAY })).toBe(21 * DAY);
  expect(soonMs({ fromMs: 0, toMs: HOUR })).toBe(0.75 * HOUR);
});

test("the next moment is a beginning, the last week, or an end, whichever comes first", () => {
  const certificates = [
    { fromMs: 0, toMs: 100 * DAY },
    { fromMs: 50 * DAY, toMs: 400 * DAY },
  ];
  const moments = [50, 93, 100, 393, 400].map((days) => days * DAY);
  expect(moments.map((_, index) => nextMomentMs(certificates, moments[index - 1] ?? 0))).toEqual(moments);
  expect(nextMomentMs(certificates, 400 * DAY)).toBeUndefined();
});

test("what is valid for hours is told with the time", () => {
  expect(momentText(90 * DAY, { fromMs: 0, toMs: 90 * DAY })).toBe("1970-04-01");
  expect(momentText(DAY + HOUR, { fromMs: DAY, toMs: DAY + HOUR })).toBe("1970-01-02 at 01:00 UTC");
});
