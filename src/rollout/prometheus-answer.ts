/**
 * What Prometheus answers to a query, read with distrust: numbers by series, or why it is no evidence.
 *
 * Whatever is not understood, is not all of it, or is no plain number says nothing; it never stands for nought.
 * https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
 */
import { z } from "zod";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** As many Envoys as one Prometheus has; more would fit into no answer either. */
const SERIES_MAX = 5_000;
const TEXT_CHARS_MAX = 300;
const SERIES_CHARS_MAX = 200;

const sample = z.tuple([z.number(), z.string()]);

const answerSchema = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("success"),
    warnings: z.array(z.string()).optional(),
    data: z.discriminatedUnion("resultType", [
      z.object({
        resultType: z.literal("vector"),
        result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: sample })),
      }),
      z.object({ resultType: z.literal("scalar"), result: sample }),
    ]),
  }),
  z.object({ status: z.literal("error"), errorType: z.string().optional(), error: z.string().optional() }),
]);

/** Numbers by series, each named by its labels as `instance="10.0.0.7:9901"`. */
export type Series = ReadonlyMap<string, number>;

/** The error is words that go on a sentence. */
export function readAnswer(text: string): Result<Series, string> {
  const read = answerSchema.safeParse(parsed(text));
  if (!read.success) return err("its answer is none of Prometheus");
  const answer = read.data;
  if (answer.status === "error") return err(shortened(`it says ${answer.errorType ?? "error"}: ${answer.error ?? ""}`));
  // Some that stand before several Prometheus answer with what they have, and warn.
  const [warning] = answer.warnings ?? [];
  if (warning !== undefined) return err(shortened(`its answer may not be whole: ${warning}`));
  const rows =
    answer.data.resultType === "scalar"
      ? [{ metric: {}, value: answer.data.result }]
      : answer.data.result.slice(0, SERIES_MAX + 1);
  if (rows.length > SERIES_MAX) return err(`its answer has more than ${SERIES_MAX} series`);
  const series = new Map<string, number>();
  for (const { metric, value } of rows) {
    const key = seriesKey(metric);
    const number = value[1].trim() === "" ? Number.NaN : Number(value[1]);
    if (!Number.isFinite(number) || number < 0) return err(shortened(`${key || "a series"} has the value ${value[1]}`));
    if (series.has(key)) return err(shortened(`it has ${key || "one series"} twice`));
    series.set(key, number);
  }
  return ok(series);
}

function seriesKey(metric: Readonly<Record<string, string>>): string {
  const labels = Object.entries(metric).filter(([name]) => name !== "__name__");
  const text = labels
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(",");
  return text.slice(0, SERIES_CHARS_MAX);
}

function shortened(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX).trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
