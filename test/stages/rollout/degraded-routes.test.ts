/**
 * Which routes a version makes worse: what is counted of a step, and how routes are ranked.
 */
import { describe, expect, test } from "vitest";
import type { RouteTally } from "../../../src/evidence/route-view.ts";
import { routesOf } from "../../../src/rollout/degraded-routes.ts";
import { readRollout, writeRollout } from "../../../src/rollout/rollout-document.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import type { RouteCounts, SeenRoutes } from "../../../src/rollout/route-counts.ts";
import { countRoutes, markRoutes } from "../../../src/rollout/route-counts.ts";
import { binomial } from "../../support/random-counts.ts";
import { createRandom } from "../../support/random.ts";
import { recordOf, rolledBackRecord, stepOf, withRoutes } from "../../support/report-records.ts";

const tally = (requests: number, errors = 0, slow = 0): RouteTally => ({ requests, errors, slow });

/** By route: what the canary and the baseline had. */
const counts = (of: Readonly<Record<string, readonly [RouteTally, RouteTally]>>): readonly RouteCounts[] =>
  Object.entries(of).map(([route, [canary, baseline]]) => ({ route, at: `${route}.yaml:1`, canary, baseline }));

/** Steps in which the canary had so many percent of the requests. */
function recordWith(...steps: readonly (readonly [percent: number, routes: readonly RouteCounts[] | undefined])[]) {
  return recordOf({
    steps: steps.map(([percent, routes], index) => ({
      ...stepOf({ index, share: percent * 100 }),
      canary: { completed: percent * 100, errors: 0 },
      baseline: { completed: (100 - percent) * 100, errors: 0 },
      routes,
    })),
  });
}

describe("the counts of a step", () => {
  const measured = recordOf({ steps: [stepOf({ index: 0, share: 1_000 })] });
  const seen = (source: string, of: Readonly<Record<string, readonly [RouteTally, RouteTally]>>): SeenRoutes => ({
    source,
    routes: counts(of),
  });
  const count = (record: RolloutRecord, ...routes: readonly SeenRoutes[]) => countRoutes(record, { routes });
  const routesIn = ({ steps }: RolloutRecord) => steps[0]?.routes?.map(({ at: _at, ...each }) => each);

  test("are what came since it is measured, of all replicas", () => {
    const begun = markRoutes(measured, {
      routes: [seen("a", { pay: [tally(10, 1), tally(50, 2)] }), seen("b", {})],
    });
    const once = count(
      begun,
      seen("a", { pay: [tally(30, 4), tally(90, 2)] }),
      seen("b", { pay: [tally(5, 1, 1), tally(0)] }),
    );
    expect(routesIn(once)).toEqual([{ route: "pay", canary: tally(25, 4, 1), baseline: tally(40) }]);
    const twice = count(
      once,
      seen("a", { pay: [tally(31, 5), tally(90, 2)], main: [tally(1, 1), tally(0)] }),
      seen("b", { pay: [tally(5, 1, 1), tally(0)] }),
    );
    expect(routesIn(twice)).toEqual([
      { route: "pay", canary: tally(26, 5, 1), baseline: tally(40) },
      { route: "main", canary: tally(1, 1), baseline: tally(0) },
    ]);
    expect(twice.steps[0]?.routes?.[0]?.at).toBe("pay.yaml:1");
  });

  test("begin for a replica that was not heard before, or has started anew, at its first word", () => {
    const begun = markRoutes(measured, { routes: [seen("a", {})] });
    const late = seen("b", { pay: [tally(100, 50), tally(0)] });
    const first = count(begun, seen("a", {}), late);
    expect(routesIn(first)).toEqual([]);
    expect(routesIn(count(first, seen("a", {}), seen("b", { pay: [tally(101, 51), tally(0)] })))).toEqual([
      { route: "pay", canary: tally(1, 1), baseline: tally(0) },
    ]);
  });

  test("go to the step that was measured last, also when another has begun", () => {
    const begun = markRoutes(measured, { routes: [seen("a", {})] });
    const back = { ...stepOf({ kind: "rollback", share: 0 }), measuredFromMs: undefined };
    const after = count({ ...begun, steps: [...begun.steps, back] }, seen("a", { pay: [tally(1, 1), tally(0)] }));
    expect([routesIn(after)?.length, after.steps[1]?.routes]).toEqual([1, undefined]);
  });

  test("are of fifty routes at most, those with bad requests first", () => {
    const begun = markRoutes(measured, { routes: [seen("a", {})] });
    const many = Object.fromEntries(
      Array.from({ length: 80 }, (_, at) => [`r${at}`, [tally(10, at === 7 ? 1 : 0), tally(90 + at)] as const]),
    );
    const routes = routesIn(count(begun, seen("a", many))) ?? [];
    expect(routes).toHaveLength(50);
    expect(routes.slice(0, 2).map(({ route }) => route)).toEqual(["r7", "r79"]);
  });
});

describe("the worst routes", () => {
  test("are nothing before anything was measured, and unknown when nobody told", () => {
    expect(routesOf(recordOf())).toBeUndefined();
    const none = { isKnown: false, comparedCount: 0, worseCount: 0, worst: [] };
    expect(routesOf(recordWith([10, undefined]))).toEqual(none);
    expect(routesOf(recordWith([10, []]))).toEqual(none);
  });

  test("are at most three, the one with the most bad requests too many first", () => {
    const even: readonly [RouteTally, RouteTally] = [tally(100), tally(900)];
    const report = routesOf(
      recordWith([
        10,
        counts({
          good: even,
          // A tenth of the bad ones is the canary's, as of all requests.
          busy: [tally(1_000, 20), tally(9_000, 180)],
          fourth: [tally(100, 6), tally(900)],
          first: [tally(100, 40), tally(900, 9)],
          third: [tally(100, 0, 8), tally(900)],
          second: [tally(100, 20), tally(900)],
          once: [tally(100, 2), tally(900)],
        }),
      ]),
    );
    expect(report).toMatchObject({ isKnown: true, comparedCount: 7, worseCount: 4 });
    expect(report?.worst.map(({ route, worseIn, tooMany }) => [route, worseIn, Math.round(tooMany)])).toEqual([
      ["first", ["errors"], 39],
      ["second", ["errors"], 20],
      ["third", ["slow"], 8],
    ]);
  });

  test("have requests as both versions' sample tells, and shares with their intervals", () => {
    // Chance has sampled more of the canary's than there were.
    const [worst] = routesOf(recordWith([10, counts({ pay: [tally(160, 40), tally(840, 9)] })]))?.worst ?? [];
    expect(worst).toMatchObject({
      at: "pay.yaml:1",
      canary: { requests: 100, errors: { count: 40, share: 0.4 } },
      baseline: { requests: 900, errors: { count: 9, share: 0.01 } },
    });
    expect(worst?.canary.errors.lower).toBeCloseTo(0.309, 3);
    expect(worst?.canary.errors.upper).toBeCloseTo(0.498, 3);
  });

  test("are compared step by step, because the canary's part changes", () => {
    // Half of all bad requests are the canary's, but only because it had half of all requests when they came.
    const storm = counts({ pay: [tally(500, 50), tally(500, 50)] });
    expect(routesOf(recordWith([5, counts({ pay: [tally(50), tally(950)] })], [50, storm]))?.worseCount).toBe(0);
    expect(routesOf(recordWith([5, counts({ pay: [tally(50, 25), tally(950, 25)] })], [50, storm]))?.worseCount).toBe(
      1,
    );
  });

  test("outlive the server with the record", () => {
    const record = withRoutes(rolledBackRecord());
    const kept = readRollout(writeRollout(record));
    expect(kept && routesOf(kept)).toEqual(routesOf(record));
    expect(routesOf(record)?.worst.map(({ route }) => route)).toEqual(["reviews/pay"]);
  });

  test("need a baseline, and in a step of pinned requests its weights", () => {
    const pay = counts({ pay: [tally(90, 50), tally(10)] });
    expect(routesOf(recordWith([100, pay]))?.isKnown).toBe(false);
    const pinned = recordWith([90, pay]);
    const steps = pinned.steps.map((step) => ({ ...step, kind: "pinned" as const, share: 0 }));
    expect(routesOf({ ...pinned, steps })?.isKnown).toBe(false);
  });

  test("are seldom one that is not worse", () => {
    const random = createRandom(7);
    const rounds = 400;
    let wrong = 0;
    for (let round = 0; round < rounds; round += 1) {
      const bad = Array.from({ length: 5 }, (_, at) => {
        const of = (requests: number) => tally(requests, binomial(random, requests, 0.02));
        return [`r${at}`, [of(300), of(2_700)] as const] as const;
      });
      wrong += routesOf(recordWith([10, counts(Object.fromEntries(bad))]))?.worseCount === 0 ? 0 : 1;
    }
    expect(wrong).toBeLessThan(rounds * 0.05);
  });
});
