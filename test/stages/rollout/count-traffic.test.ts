/**
 * What is counted of reports that come late, of an Envoy that has started anew, of two under one name, and after a clock was
 * set.
 */
import { describe, expect, test } from "vitest";
import { countTraffic } from "../../../src/rollout/count-traffic.ts";
import type { NodeReport } from "../../../src/rollout/observed.ts";
import type { Mark } from "../../../src/rollout/rollout-record.ts";

const START_MS = 1_700_000_000_000;

/** Looks one after the other, at seconds since the start; the Envoy's clock is an hour behind. */
class Looks {
  #marks: Readonly<Record<string, Mark>> = {};
  counted = 0;

  at(
    seconds: number,
    completed: number,
    { countedAt = seconds, startedAt }: { readonly countedAt?: number; readonly startedAt?: number | undefined } = {},
  ): this {
    const envoyMs = (of: number) => START_MS - 3_600_000 + of * 1_000;
    const report: NodeReport = {
      reportedAtMs: START_MS + seconds * 1_000,
      countedAtMs: envoyMs(countedAt),
      ...(startedAt === undefined ? {} : { startedAtMs: envoyMs(startedAt) }),
      canary: { completed, errors: 0 },
      baseline: { completed: 0, errors: 0 },
      canaryHealthyHosts: 1,
    };
    const found = countTraffic(new Map([["edge-1", report]]), this.#marks, { fromMs: START_MS });
    this.#marks = found.marks;
    this.counted += found.canary.completed;
    return this;
  }
}

describe("of an Envoy with thousands of requests behind it", () => {
  test("a report that comes late counts nothing, and neither does the next one twice", () => {
    expect(new Looks().at(1, 5_000).at(6, 5_100).at(7, 5_050, { countedAt: 3 }).at(11, 5_200).counted).toBe(200);
  });

  test("all is counted that it shows after a start, and nothing when it shows less without one", () => {
    const started = { startedAt: -900 };
    const looks = () => new Looks().at(1, 5_000, started).at(6, 5_100, started);
    expect(looks().at(11, 40, { startedAt: 8 }).at(16, 90, { startedAt: 8 }).counted).toBe(190);
    // Such as a cluster that was taken away and added again.
    expect(looks().at(11, 40, started).at(16, 90, started).counted).toBe(150);
    // What says nothing of its start is believed, as from an older Envoy.
    expect(new Looks().at(1, 5_000).at(6, 5_100).at(11, 40).counted).toBe(140);
  });

  test("another one under its name counts only when it began later, or is the only one left", () => {
    const [elder, younger] = [{ startedAt: -900 }, { startedAt: -500 }];
    const looks = new Looks().at(1, 5_000, elder).at(2, 300, younger).at(6, 5_100, elder).at(7, 330, younger);
    expect(looks.counted).toBe(30);
    expect(looks.at(90, 6_000, elder).at(95, 6_010, elder).counted).toBe(40 + 5_670);
  });

  test("a clock of it that is set back costs a minute and falsifies nothing", () => {
    const looks = new Looks().at(1, 5_000).at(6, 5_100);
    for (let seconds = 11; seconds <= 66; seconds += 5)
      looks.at(seconds, 5_100 + seconds, { countedAt: seconds - 3_600 });
    expect(looks.counted).toBe(100);
    looks.at(71, 5_200, { countedAt: 71 - 3_600 }).at(76, 5_230, { countedAt: 76 - 3_600 });
    expect(looks.counted).toBe(130);
  });
});
