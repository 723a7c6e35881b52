/**
 * Rollouts as metrics: what is on is read when Prometheus asks, what has happened is counted by events.
 *
 * Splits are named by people, so they are bounded: the first ones keep their label. Every replica shows what is on, and
 * each counts only what it has done itself.
 */
import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { Outcome } from "../rollout/rollout-record.ts";
import type { RolloutStanding } from "../rollout/rollout-standing.ts";
import type { RolloutMovedEvent } from "./event.ts";
import type { Labels } from "./metric-labels.ts";
import { OTHER, boundedLabels } from "./metric-labels.ts";

/** Those that are on. */
export type RolloutSource = () => readonly RolloutStanding[];

/** Twelve series each; nobody moves so many at a time. */
const SPLIT_LABELS_MAX = 200;

/** From one small resource on one host to a fleet with Envoys that do not answer. */
const secondsBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const results: readonly Outcome["kind"][] = ["promoted", "rolled-back", "aborted", "superseded"];

/** Registers all of them and returns what feeds the counters. */
export function registerRolloutMetrics(
  registry: Registry,
  rollouts: RolloutSource,
): {
  readonly moved: (event: RolloutMovedEvent) => void;
  readonly failed: () => void;
} {
  const labels = boundedLabels(SPLIT_LABELS_MAX);
  // Before the counters, which are read after them then.
  registerGauges(registry, { rollouts, labels, onSeen: (split) => awaitEnd(split) });
  const count = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  const started = count("fairway_rollouts_started_total", "Rollouts that this replica has started.", ["split"]);
  const ended = count("fairway_rollouts_ended_total", "Rollouts that this replica has ended, by how.", [
    "split",
    "result",
  ]);
  const steps = count("fairway_rollout_steps_total", "Steps of rollouts that ended, by how.", ["result"]);
  const failures = count("fairway_rollout_failures_total", "Moves of rollouts that failed and are tried again.");
  const ackSeconds = new Histogram({
    name: "fairway_rollout_ack_seconds",
    help: "From the decision for weights to the last acknowledgement by a connected node.",
    labelNames: ["change"],
    buckets: secondsBuckets,
    registers: [registry],
  });
  // A counter that comes into being with its first event has not increased for Prometheus.
  const awaitEnd = (split: string) => {
    for (const result of results) ended.inc({ split, result }, 0);
  };
  return {
    moved({ split: name, moves }) {
      const split = labels(name);
      awaitEnd(split);
      for (const move of moves) {
        if (move.kind === "started") started.inc({ split });
        else if (move.kind === "step-ended") steps.inc({ result: move.result });
        else if (move.kind === "acknowledged") ackSeconds.observe({ change: move.by }, move.tookMs / 1_000);
        else ended.inc({ split, result: move.result });
      }
    },
    failed: () => failures.inc(),
  };
}

interface GaugeSources {
  readonly rollouts: RolloutSource;
  readonly labels: Labels;
  readonly onSeen: (split: string) => void;
}

function registerGauges(registry: Registry, { rollouts, labels, onSeen }: GaugeSources): void {
  const gauge = (
    name: string,
    help: string,
    set: (gauge: Gauge, standing: RolloutStanding, split: string) => void,
    labelNames: readonly string[] = ["split"],
  ) =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers: [],
        collect() {
          this.reset();
          for (const standing of rollouts()) set(this, standing, labels(standing.split));
        },
      }),
    );
  gauge(
    "fairway_rollouts",
    "Rollouts that are on, by phase.",
    (of, { phase }, split) => {
      onSeen(split);
      of.inc({ split, phase });
    },
    ["split", "phase"],
  );
  gauge("fairway_rollout_silent_nodes", "Connected nodes that have reported nothing lately.", (of, standing, split) =>
    of.inc({ split }, standing.silentCount),
  );
  // A share of several rollouts together says nothing.
  gauge(
    "fairway_rollout_canary_configured_ratio",
    "Share of the requests that a canary should have by the weights.",
    (of, { configuredShare }, split) => {
      if (split !== OTHER) of.set({ split }, configuredShare);
    },
  );
  gauge(
    "fairway_rollout_canary_observed_ratio",
    "Share of the requests that a canary had in its step.",
    (of, { observedShare }, split) => {
      if (split !== OTHER && observedShare !== undefined) of.set({ split }, observedShare);
    },
  );
}
