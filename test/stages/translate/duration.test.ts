/**
 * Milliseconds in protobuf's JSON.
 */
import { describe, expect, it } from "vitest";
import { duration } from "../../../src/translate/duration.ts";

describe("duration", () => {
  it.each([
    [0, "0s"],
    [1, "0.001s"],
    [250, "0.25s"],
    [1_500, "1.5s"],
    [10_000, "10s"],
    [3_600_000, "3600s"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
