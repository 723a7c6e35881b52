/**
 * The report as a page that stands alone, and its charts.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reportHtml } from "../../../src/rollout/report-html.ts";
import { reportOf } from "../../../src/rollout/report.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import type { XmlElement } from "../../support/parse-xml.ts";
import { elementsOf, parseXml } from "../../support/parse-xml.ts";
import {
  promotedRecord,
  recordOf,
  rolledBackRecord,
  START_MS,
  stepOf,
  withRoutes,
} from "../../support/report-records.ts";

const html = (record: RolloutRecord) => reportHtml(reportOf(record, START_MS + 600_000));
const page = (record: RolloutRecord) => parseXml(html(record));

const classed = (element: XmlElement, name: string, className: string) =>
  elementsOf(element, name).filter(({ attributes }) => attributes["class"]?.split(" ").includes(className));

/** The wide drawing of the section with a heading. */
function chartOf(record: RolloutRecord, heading: string): XmlElement | undefined {
  const section = elementsOf(page(record), "section").find((each) => elementsOf(each, "h2")[0]?.text === heading);
  return section === undefined ? undefined : classed(section, "div", "wide")[0];
}

test("begins with how it ended, why, and what to do", () => {
  const record = rolledBackRecord();
  const [top] = elementsOf(page(record), "header");
  expect(top?.attributes["class"]).toBe("card top bad");
  expect(elementsOf(page(record), "h1")[0]?.text).toBe("reviews: 2.4.0 was rolled back");
  expect(top?.text).toContain(record.verdict?.sentence);
  expect(top?.text).toContain("recommendation: rollback");
});

test("has all that the report has", () => {
  const headings = elementsOf(page(rolledBackRecord()), "h2").map(({ text }) => text);
  expect(headings).toEqual([
    "Weights over time",
    "Both versions",
    "Routes",
    "Errors in each step",
    "How long requests took",
    "Steps",
    "Evidence",
    "Configuration",
    "Audit",
  ]);
});

test("has a table for each route that is worse", () => {
  const section = elementsOf(page(withRoutes(rolledBackRecord())), "section").find(
    (each) => elementsOf(each, "h2")[0]?.text === "Routes",
  );
  const [table, ...others] = section === undefined ? [] : elementsOf(section, "table");
  expect(others).toEqual([]);
  expect(table?.text.replaceAll(/\s+/g, " ")).toContain("reviews/pay (routes.yaml:12)");
  expect(table?.text).toContain("240");
});

test("leaves out what is not known", () => {
  const headings = elementsOf(page(recordOf()), "h2").map(({ text }) => text);
  expect(headings).toEqual(["Steps", "Configuration"]);
  const steps = [stepOf({ index: 0, share: 500, canary: { completed: 0, errors: 0 } })];
  const totals = { canary: { completed: 0, errors: 0 }, baseline: { completed: 9, errors: 0 } };
  expect(html(recordOf({ steps, totals }))).not.toMatch(/undefined|NaN|Infinity/);
});

describe("the page stands alone", () => {
  test("and names nothing to load, and has no script", () => {
    const root = page(promotedRecord());
    const names = new Set(all(root).map(({ name }) => name));
    for (const name of ["script", "link", "img", "iframe", "a", "image", "use"]) expect(names).not.toContain(name);
    const attributes = all(root).flatMap((element) => Object.keys(element.attributes));
    expect(attributes.filter((name) => /^on|^style$|href|src/.test(name))).toEqual([]);
  });

  test("and browsers are told to keep to that, and to its own style sheet", () => {
    const root = page(promotedRecord());
    const [style, ...others] = elementsOf(root, "style");
    const policy = elementsOf(root, "meta").find(({ attributes }) => attributes["http-equiv"] !== undefined);
    const hash = createHash("sha256")
      .update(style?.text ?? "")
      .digest("base64");
    expect(others).toEqual([]);
    expect(policy?.attributes["content"]).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
  });
});

test("text of others stays text, wherever it stands", () => {
  const evil = "</p></svg></style><script>alert(1)</script>\"' onload=x &amp; \u202e\u0000";
  const shown = "</p></svg></style><script>alert(1)</script>\"' onload=x &amp; \ufffd\ufffd";
  const { plan } = recordOf();
  const laggards = [{ node: evil, state: evil, reason: evil }];
  const steps = [stepOf({ index: 0, share: 500, result: "failed", sentence: evil, laggards })];
  const record = recordOf({
    ...rolledBackRecord(),
    id: evil,
    target: evil,
    startedBy: evil,
    reason: evil,
    steps,
    plan: { ...plan, split: evil, canary: evil, baseline: `${evil}2` },
    sharesBefore: { [evil]: 0, [`${evil}2`]: 10_000 },
    audit: [{ atMs: START_MS, actor: evil, action: evil, text: evil }],
    outcome: { kind: "aborted", sentence: evil, atMs: START_MS },
  });
  const root = page(withRoutes(record, { route: evil }));
  expect(elementsOf(root, "script")).toEqual([]);
  expect(elementsOf(root, "h1")[0]?.text).toBe(`${shown}: ${shown} was aborted`);
  expect(classed(root, "table", "audit")[0]?.text).toBe(`06:00:00${shown}${shown} ${shown}`);
});

test("any text at all leaves it well-formed", () => {
  const anyText = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(anyText, anyText, (one, other) => {
      const steps = [stepOf({ index: 0, share: 500, sentence: one, laggards: [{ node: other, state: one }] })];
      const root = page(recordOf({ target: one, startedBy: other, reason: one, steps }));
      expect(elementsOf(root, "section").length).toBeGreaterThan(2);
    }),
    { numRuns: 60 },
  );
});

describe("the staircase", () => {
  test("has a tread for each step in the colour of its result, and a mark where all Envoys had it", () => {
    const chart = chartOf(rolledBackRecord(), "Weights over time")!;
    const treads = classed(chart, "line", "tread").map(({ attributes }) => attributes["class"]);
    expect(treads).toEqual(["tread good", "tread bad", "tread good", "tread ended bad"]);
    expect(classed(chart, "circle", "ack")).toHaveLength(3);
  });

  test("rises with the weights", () => {
    const chart = chartOf(promotedRecord(), "Weights over time")!;
    const heights = classed(chart, "line", "tread").map(({ attributes }) => Number(attributes["y1"]));
    expect(heights).toEqual([...heights].sort((one, other) => other - one));
    const [first, second] = classed(chart, "line", "tread");
    expect(first?.attributes["x2"]).toBe(second?.attributes["x1"]);
  });
});

test("the bars are as high as the errors, with their intervals", () => {
  const chart = chartOf(rolledBackRecord(), "Errors in each step")!;
  const height = (className: string) =>
    classed(chart, "rect", className).map(({ attributes }) => Number(attributes["height"]));
  const [first = 0, second = 0] = height("v2");
  expect(second / first).toBeCloseTo(0.06 / (1 / 600), 0);
  expect(height("v1")).toHaveLength(2);
  expect(classed(chart, "path", "whisker")).toHaveLength(4);
});

describe("the latencies", () => {
  test("are drawn for both, with three quantiles each, further right where they are longer", () => {
    const chart = chartOf(rolledBackRecord(), "How long requests took")!;
    expect(classed(chart, "path", "spread")).toHaveLength(2);
    const places = (className: string) =>
      classed(chart, "circle", className).map(({ attributes }) => Number(attributes["cx"]));
    const [stable, canary] = [places("v1"), places("v2")];
    expect(stable).toHaveLength(3);
    for (const [index, place] of canary.entries()) expect(place).toBeGreaterThan(stable[index] ?? Infinity);
  });

  test("have a quantile at its place in its bucket", () => {
    const latency = { edgesMs: [10, 100], counts: [0, 10, 0], sumMs: 550 };
    const totals = { canary: { completed: 10, errors: 0, latency }, baseline: { completed: 0, errors: 0 } };
    const chart = chartOf(recordOf({ totals }), "How long requests took")!;
    const [axis] = classed(chart, "line", "axis");
    const [left, right] = [Number(axis?.attributes["x1"]), Number(axis?.attributes["x2"])];
    const [p50] = classed(chart, "circle", "v2");
    expect(Number(p50?.attributes["cx"])).toBeCloseTo((left + right) / 2, 0);
  });

  test("are drawn for one where only one has them, also beyond the last edge", () => {
    const latency = { edgesMs: [10, 100], counts: [0, 0, 5], sumMs: 5_000 };
    const totals = { canary: { completed: 5, errors: 0, latency }, baseline: { completed: 9, errors: 0 } };
    const chart = chartOf(recordOf({ totals }), "How long requests took")!;
    expect(classed(chart, "path", "spread")).toHaveLength(1);
    expect(chart.text).toContain("100 ms");
    expect(JSON.stringify(chart)).not.toMatch(/NaN|Infinity/);
  });
});

function all(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(all)];
}
