/** Warnings as events: in the format of the log, and not again and again. */
import { expect, test } from "vitest";
import { createTimeline } from "../../../src/telemetry/timeline.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import { createWarnings } from "../../../src/telemetry/warnings.ts";

function warning() {
  let nowMs = 0;
  const lines: string[] = [];
  const timeline = createTimeline();
  const write = (line: string) => void lines.push(line);
  const log = createLog({ write, terminal: false, color: false, level: "info", draw: () => "" });
  const warn = createWarnings({
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    record: (event) => {
      log.record(event);
      timeline.record(event);
    },
  });
  return {
    warn,
    pass: (ms: number) => void (nowMs += ms),
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    told: () => timeline.after(0).map(({ kind, level, text }) => `${level} ${kind} ${text}`),
  };
}

test("a warning is a line of the log with level and time, and in the timeline", () => {
  const { warn, lines, told } = warning();
  warn("the history cannot be written");
  expect(lines()).toEqual([
    { level: "warn", kind: "warning", at: "1970-01-01T00:00:00.000Z", msg: "the history cannot be written" },
  ]);
  expect(told()).toEqual(["warn warning the history cannot be written"]);
});

test("the same warning is told once in ten minutes, with how many were held back", () => {
  const { warn, pass, told } = warning();
  for (let time = 0; time < 100; time += 1) warn("the same");
  warn("another");
  pass(10 * 60_000);
  warn("the same");
  expect(told()).toEqual([
    "warn warning the same",
    "warn warning another",
    "warn warning the same (99 more warnings were held back)",
  ]);
});

test("of many different ones fifty are told in a minute", () => {
  const { warn, pass, told } = warning();
  for (let index = 0; index < 1_000; index += 1) warn(`warning ${index}`);
  expect(told().length).toBe(50);
  pass(60_000);
  warn("the next");
  expect(told().at(-1)).toBe("warn warning the next (950 more warnings were held back)");
});
