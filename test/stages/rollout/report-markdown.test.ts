/**
 * The report as Markdown, as it stands in the summary of a CI job.
 */
import { expect, test } from "vitest";
import { reportMarkdown } from "../../../src/rollout/report-markdown.ts";
import { reportOf } from "../../../src/rollout/report.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import {
  promotedRecord,
  recordOf,
  rolledBackRecord,
  START_MS,
  stepOf,
  withRoutes,
} from "../../support/report-records.ts";

const markdown = (record: RolloutRecord) => reportMarkdown(reportOf(record, START_MS + 600_000));

test("begins with how it ended, why, and what to do", () => {
  const record = rolledBackRecord();
  expect(markdown(record).split("\n").slice(0, 7)).toEqual([
    "### reviews: 2.4.0 was rolled back",
    "",
    record.verdict?.sentence,
    "",
    "**Recommendation: rollback.**",
    "",
    "Rollout reviews-7, started by ci@&#8203;runner-7 at 2026-11-29 06:00:00 UTC: v2.4 is out, took 3 min. Time to safe: **640 ms**, from the decision to the last Envoy.",
  ]);
});

test("sets both versions side by side", () => {
  expect(tableAfter(markdown(rolledBackRecord()), "|  | v1 | v2 |")).toEqual([
    "|---|---:|---:|",
    "| requests | 15,900 | 2,100 |",
    "| success | 99.90 % (99.84 to 99.938 %) | 95.7 % (94.7 to 96.5 %) |",
    "| errors | 0.10 % (0.062 to 0.16 %) | 4.3 % (3.5 to 5.3 %) |",
    "| errors at times of v2 | 0.10 % |  |",
    "| slower than 300 ms | 0.27 % (0.16 to 0.47 %) | 6.0 % (4.9 to 7.3 %) |",
    "| slow at times of v2 | 0.27 % |  |",
    "| mean | 50.4 ms | 120 ms |",
    "| p50 | 42.2 ms | 95 ms |",
    "| p95 | 120 ms | 290 ms |",
    "| p99 | 200 ms | 490 ms |",
  ]);
});

test("names the routes that are worse, and says when none is or nobody told", () => {
  const text = markdown(withRoutes(rolledBackRecord()));
  expect(text).toContain("**Routes.** Of 2 routes with requests 1 is worse with v2 than with v1.");
  expect(tableAfter(text, "| route | v1 | v2 |")).toEqual([
    "|---|---:|---:|",
    "| **reviews/pay (routes.yaml:12)** |  |  |",
    "| requests, about | 3,400 | 600 |",
    "| errors | 6, 0.18 % (0.081 to 0.38 %) | 240, 40 % (36 to 44 %) |",
    "| slower than 300 ms | 18, 0.53 % (0.34 to 0.84 %) | 8, 1.3 % (0.68 to 2.6 %) |",
  ]);
  expect(text).toContain("requests are estimated from a sample");
  const even = markdown(withRoutes(promotedRecord(), { errors: 0 }));
  expect(even).toContain("**Routes.** Of 2 routes with requests none is worse with v2 than with v1.");
  expect(even).not.toContain("| route |");
  expect(markdown(rolledBackRecord())).toContain("**Routes.** Which routes got worse is not known");
  expect(markdown(recordOf())).not.toContain("**Routes.**");
});

test("has a line for each step", () => {
  const text = markdown(rolledBackRecord());
  expect(tableAfter(text, "| step |")).toEqual([
    "|---|---:|---:|---:|---:|---:|---:|",
    "| 1 (5 %) | 06:00:00 | 840 ms | 2 min | 5.0 % | 0.17 % | passed |",
    "| 2 (25 %) | 06:02:05 | 840 ms | 60 s | 25 % | 6.0 % | **failed** |",
    "| rollback | 06:03:06 | 640 ms |  |  |  | passed |",
    "| 3 (50 %) |  |  |  |  |  | not reached |",
  ]);
});

test("tells the evidence with the limits that decide", () => {
  expect(tableAfter(markdown(rolledBackRecord()), "| the data are more likely | if v2 is worse than v1 |")).toEqual([
    "|---|---:|---:|",
    "| errors | over a million times (fails at 200) | under 0.01 times (proved at 20) |",
    "| slow requests | over a million times (fails at 200) | under 0.01 times (proved at 20) |",
  ]);
});

test("tells the weights before and after, the plan, and who did what", () => {
  const text = markdown(promotedRecord());
  expect(text).toContain("Weights: v1 100 %, v2 0 % before, now v1 0 %, v2 100 %.");
  expect(text).toContain("- Errors: v2 may have at most 25 % more than v1; it is safe below twice as many.");
  expect(text).toContain("- 06:06:18 fairway: promote, all steps are passed");
});

test("flags a share that is not as configured, and names Envoys that are late", () => {
  const laggards = [{ node: "envoy-3", state: "rejected", reason: "no such cluster" }];
  const step = stepOf({ index: 0, share: 500, laggards });
  const skewed = { ...step, canary: { completed: 3_000, errors: 0 }, baseline: { completed: 7_000, errors: 0 } };
  const text = markdown(recordOf({ steps: [skewed] }));
  expect(text).toContain("> In step 1 (5 %), v2 had 30 % of the requests, and should have had 5.0 % by the weights.");
  expect(text).toContain("| 30 % instead of 5.0 % |");
  expect(text).toContain("- 1 (5 %), Envoys: envoy-3: rejected, no such cluster");
});

test("says no word of what nobody has measured", () => {
  const text = markdown(recordOf({ steps: [stepOf({ index: 0, share: 500, canary: { completed: 0, errors: 0 } })] }));
  expect(text).not.toMatch(/undefined|NaN|Infinity|p50|requests \|/);
});

test("keeps text of others from being anything but text", () => {
  const evil = "a|b\n# c <script>alert(1)</script> [x](http://e.com) `d` @all #1 **e** &lt; \u202e\u0000 $f$";
  const text = markdown(
    withRoutes({ ...rolledBackRecord(), target: evil, reason: evil, startedBy: evil }, { route: evil }),
  );
  expect(text.split("\n")[0]).toBe(
    "### reviews: a\\|b #&#8203; c &lt;script&gt;alert(1)&lt;/script&gt; \\[x\\](http:&#8203;//e.com) \\`d\\` @&#8203;all #&#8203;1 \\*\\*e\\*\\* &amp;lt; \ufffd\ufffd \\$f\\$ was rolled back",
  );
  expect(text).not.toMatch(/<script|@all|[\u0000\u202e]/);
});

test("cuts what an Envoy says without end", () => {
  expect(markdown(recordOf({ reason: "x".repeat(5_000) })).length).toBeLessThan(3_000);
});

/** The lines of a table below its head. */
function tableAfter(text: string, head: string): readonly string[] {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => line.startsWith(head)) + 1;
  return lines.slice(from, lines.indexOf("", from));
}
