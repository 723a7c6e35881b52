/**
 * The report as JUnit XML, as CI systems read it.
 */
import { expect, test } from "vitest";
import { reportJunit } from "../../../src/rollout/report-junit.ts";
import { reportOf } from "../../../src/rollout/report.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import { elementsOf, parseXml } from "../../support/parse-xml.ts";
import {
  promotedRecord,
  recordOf,
  rolledBackRecord,
  START_MS,
  stepOf,
  withRoutes,
} from "../../support/report-records.ts";

const junit = (record: RolloutRecord) => parseXml(reportJunit(reportOf(record, START_MS + 600_000)));

/** "step 1 (5 %): passed", of all cases. */
function resultsOf(record: RolloutRecord): readonly string[] {
  return elementsOf(junit(record), "testcase").map(({ attributes, children }) => {
    const [child] = children.filter(({ name }) => name !== "system-out");
    return `${attributes["name"]}: ${child?.name ?? "passed"}`;
  });
}

test("a promotion is green", () => {
  expect(resultsOf(promotedRecord())).toEqual([
    "step 1 (5 %): passed",
    "step 2 (25 %): passed",
    "step 3 (50 %): passed",
    "step promotion: passed",
    "outcome: passed",
  ]);
});

test("a rollback is red where it failed, and skips what was not reached", () => {
  const record = rolledBackRecord();
  expect(resultsOf(record)).toEqual([
    "step 1 (5 %): passed",
    "step 2 (25 %): failure",
    "step rollback: passed",
    "step 3 (50 %): skipped",
    "outcome: failure",
  ]);
  const [failure] = elementsOf(junit(record), "failure");
  expect(failure?.attributes["message"]).toBe(record.verdict?.sentence);
});

test("the outcome has the routes that are worse", () => {
  const [, outcome] = elementsOf(junit(withRoutes(rolledBackRecord())), "failure");
  expect(outcome?.text).toContain("Of 2 routes with requests 1 is worse with v2 than with v1.");
  expect(outcome?.text).toContain(
    "1. reviews/pay (routes.yaml:12): errors of v2 240, 40 % (36 to 44 %), of v1 6, 0.18 % (0.081 to 0.38 %)",
  );
  const [said] = elementsOf(junit(withRoutes(promotedRecord(), { errors: 0 })), "system-out").slice(-1);
  expect(said?.text).toContain("none is worse");
});

test("an end that no step brought about is red", () => {
  const outcome = { kind: "aborted", sentence: "Not today.", atMs: START_MS } as const;
  expect(resultsOf(recordOf({ outcome }))).toContain("outcome: failure");
});

test("what is not over or could not be judged is skipped", () => {
  const steps = [
    stepOf({ index: 0, share: 500, result: "inconclusive", sentence: "Too few requests." }),
    { ...stepOf({ index: 1, share: 2_500 }), endedAtMs: undefined },
  ];
  expect(resultsOf(recordOf({ steps }))).toEqual([
    "step 1 (5 %): skipped",
    "step 2 (25 %): skipped",
    "step 3 (50 %): skipped",
    "outcome: skipped",
  ]);
});

test("the suite counts its cases", () => {
  const [suite] = elementsOf(junit(rolledBackRecord()), "testsuite");
  expect(suite?.attributes).toEqual({
    name: "rollout of 2.4.0 on reviews",
    id: "reviews-7",
    timestamp: "2026-11-29T06:00:00",
    tests: "5",
    failures: "2",
    errors: "0",
    skipped: "1",
    time: "187.480",
  });
  const [first] = elementsOf(junit(rolledBackRecord()), "testcase");
  expect(first?.attributes).toMatchObject({ classname: "rollout.reviews", time: "121.840" });
});

test("is well-formed whatever others have written", () => {
  const evil = "]]>\"'<&>\u0000\u0008\u001b[31m\ud800\ufffe\uffff\u202e\n</failure>😀";
  const laggards = [{ node: evil, state: evil, reason: evil }];
  const steps = [stepOf({ index: 0, share: 500, result: "failed", sentence: evil, laggards })];
  const root = junit(withRoutes(recordOf({ id: evil, target: evil, steps }), { route: evil }));
  const [failure] = elementsOf(root, "failure");
  expect(failure?.attributes["message"]).toBe("]]>\"'<&>\ufffd\ufffd\ufffd[31m\ufffd\ufffd\ufffd\ufffd </failure>😀");
});

test.each([
  ["<a>", "a is not closed"],
  ["<a></b>", "</b> closes a"],
  ["<a>&x;</a>", "no entity: &x;"],
  ["<a>&</a>", "no entity: &"],
  ["<a b=c/>", "a stray <"],
  ["<a/><b/>", "one root"],
  ["<a/>b", "one root"],
  ["<a>\u0001</a>", "a character that XML forbids"],
  ["<a><</a>", "a stray <"],
])("the reader of these tests refuses %j", (wrong, why) => {
  expect(() => parseXml(wrong)).toThrow(why);
});
