/**
 * Questions to a Prometheus about the versions of rollouts: read-only, one look at a time for each rollout, bounded in time
 * and size.
 *
 * All queries of a look are of one moment, so that they see the same scrapes. Nothing is thrown: whatever goes wrong is an
 * answer that says nothing, and why.
 */
import type { PrometheusAccess } from "./prometheus-access.ts";
import { authorizationFor } from "./prometheus-access.ts";
import type { Observed } from "../rollout/observed.ts";
import { readAnswer } from "../rollout/prometheus-answer.ts";
import type { Series } from "../rollout/prometheus-answer.ts";
import type { BothNames, Question } from "../rollout/prometheus-queries.ts";
import { questionsFor, reportsOfAnswers } from "../rollout/prometheus-queries.ts";
import type { PrometheusPlan, RolloutPlan } from "../rollout/rollout-plan.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** A thousand Envoys take 150 kB. */
const ANSWER_BYTES_MAX = 1_048_576;

const UNKNOWN = "and serve has no credentials for this address (see serve --prometheus)";

type Seen = NonNullable<Observed["prometheus"]>;

/** Of the newest rollout of a split. */
interface Asked {
  /** The rollout, and what was asked of it: another step may ask for copies, whose counts are others. */
  readonly key: string;
  readonly askedAtMs: number;
  readonly seen: Seen | undefined;
  /** What the last answer was, and since when it is the same. */
  readonly told: string;
  readonly changedAtMs: number;
}

/** It is asked for the numbers of a moment, which would be another one to it; its answers are dated by the second. */
const CLOCKS_APART_MS = 10_000;

/** `ask` as often as one likes; `seen` is what came last. */
export class PrometheusClient {
  readonly #clock: Clock;
  readonly #access: PrometheusAccess | undefined;
  readonly #asked = new Map<string, Asked>();
  readonly #underWay = new Set<string>();
  readonly #closing = new AbortController();

  constructor(clock: Clock, access?: PrometheusAccess) {
    this.#clock = clock;
    this.#access = access;
  }

  seen({ id, plan }: RolloutRecord, names: BothNames): Seen | undefined {
    const asked = this.#asked.get(plan.split);
    return asked?.key === keyOf(id, names) ? asked.seen : undefined;
  }

  /** Asks, unless it is not time yet or the last look is still under way. */
  ask({ id, plan }: RolloutRecord, names: BothNames): void {
    const { evidence, split } = plan;
    if (evidence === undefined || this.#underWay.has(split)) return;
    const last = this.#asked.get(split);
    const askedAtMs = this.#clock.monotonicMs();
    const key = keyOf(id, names);
    if (last?.key === key && askedAtMs - last.askedAtMs < evidence.everyMs) return;
    this.#underWay.add(split);
    void this.#look(plan, evidence, names).then((found) => {
      this.#underWay.delete(split);
      const told = found.ok ? found.value.told : (last?.told ?? "");
      const isSame = last?.key === key && last.told === told;
      const changedAtMs = isSame ? last.changedAtMs : this.#clock.nowMs();
      const seen = found.ok ? seenOf(plan, found.value.answers, changedAtMs) : nothing(found.error);
      this.#asked.set(split, { key, askedAtMs, seen, told, changedAtMs });
    });
  }

  /** What is under way is given up. */
  close(): void {
    this.#closing.abort();
  }

  async #look(
    plan: RolloutPlan,
    evidence: PrometheusPlan,
    names: BothNames,
  ): Promise<Result<{ readonly answers: ReadonlyMap<Question["key"], Series>; readonly told: string }, string>> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(evidence.timeoutMs)]);
    const atMs = this.#clock.nowMs();
    const allowed = await authorizationFor(this.#access, evidence.url);
    if (!allowed.ok) return err(allowed.error);
    const answers = await Promise.all(
      questionsFor(plan, names).map(async ({ key, query }) => ({
        key,
        answer: await answerTo(query, {
          ...{ evidence, atMs, signal, authorization: allowed.value },
          nowMs: () => this.#clock.nowMs(),
        }),
      })),
    );
    const series = new Map<Question["key"], Series>();
    for (const { key, answer } of answers) {
      if (!answer.ok) return answer;
      series.set(key, answer.value);
    }
    return ok({ answers: series, told: JSON.stringify([...series].map(([key, each]) => [key, ...each])) });
  }
}

function keyOf(id: string, names: BothNames): string {
  return JSON.stringify([id, names]);
}

function seenOf(plan: RolloutPlan, answers: ReadonlyMap<Question["key"], Series>, changedAtMs: number): Seen {
  const reports = reportsOfAnswers(plan, answers, changedAtMs);
  if (!reports.ok) return nothing(reports.error);
  return { kind: "answered", series: reports.value, isByEnvoy: plan.evidence?.queries === undefined };
}

function nothing(why: string): Seen {
  return { kind: "nothing", why };
}

async function answerTo(
  query: string,
  of: {
    readonly evidence: PrometheusPlan;
    readonly atMs: number;
    readonly signal: AbortSignal;
    readonly authorization: string | undefined;
    readonly nowMs: () => number;
  },
): Promise<Result<Series, string>> {
  const { url, timeoutMs } = of.evidence;
  const asked = new URLSearchParams({ query, time: (of.atMs / 1_000).toFixed(3) });
  try {
    const answer = await fetch(`${url}/api/v1/query?${asked.toString()}`, {
      headers: {
        accept: "application/json",
        ...(of.authorization === undefined ? {} : { authorization: of.authorization }),
      },
      // One that sends elsewhere is not the one that was written down.
      redirect: "error",
      signal: of.signal,
    });
    if (answer.status === 401 || answer.status === 403) {
      await answer.body?.cancel();
      return err(
        `it answers ${answer.status}, ${of.authorization === undefined ? UNKNOWN : "to the credentials of serve"}`,
      );
    }
    const apartMs = Math.abs(Date.parse(answer.headers.get("date") ?? "") - of.nowMs());
    if (apartMs > CLOCKS_APART_MS) return err(`its clock and the one here are ${Math.round(apartMs / 1_000)} s apart`);
    const text = await boundedText(answer);
    if (text === undefined) return err(`its answer is larger than ${ANSWER_BYTES_MAX / 1_048_576} MiB`);
    const read = readAnswer(text);
    return answer.ok ? read : err(`it answers ${answer.status}${read.ok ? "" : `, and ${read.error}`}`);
  } catch (cause) {
    if (cause instanceof Error && cause.name === "TimeoutError") {
      return err(`it has not answered in ${timeoutMs / 1_000} s`);
    }
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    return err(inner instanceof Error ? inner.message : String(inner));
  }
}

/** Undefined when it is too much; what is beyond is not read. */
async function boundedText({ body }: Response): Promise<string | undefined> {
  const reader = body?.getReader();
  if (reader === undefined) return "";
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(pieces).toString("utf8");
    size += value.byteLength;
    if (size > ANSWER_BYTES_MAX) {
      await reader.cancel();
      return undefined;
    }
    pieces.push(value);
  }
}
