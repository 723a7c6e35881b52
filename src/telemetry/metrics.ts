/**
 * What Prometheus scrapes: counters from events, gauges read when they are asked for.
 *
 * The number of series is bounded. `type` has one value for each type that xDS
 * delivers and `other`; `group` has at most `GROUP_LABELS_MAX` values and `other`; `version` has one value
 * for each group, the current one; clusters are bounded by `load-metrics.ts`. The largest family is `fairway_convergence_seconds`, 14 series for each
 * group. Single nodes are shown by the admin API.
 */
import { Counter, Gauge, Histogram, collectDefaultMetrics } from "prom-client";
import type { Registry } from "prom-client";
import type { Fleet } from "../fleet/fleet.ts";
import type { FleetSummary } from "../fleet/fleet-summary.ts";
import type { GroupName, SnapshotVersion } from "../snapshot/snapshot.ts";
import { resourceTypes } from "../snapshot/type-url.ts";
import type { SecretValidity } from "../model/validity.ts";
import { registerCertificateGauge } from "./certificate-gauge.ts";
import type { EtcdContacts } from "./etcd-contacts.ts";
import type { FairwayEvent } from "./event.ts";
import type { LoopDelayMonitor } from "./loop-delay.ts";
import { registerFleetGauges } from "./fleet-gauges.ts";
import type { LoadSource } from "./load-metrics.ts";
import { registerLoadMetrics } from "./load-metrics.ts";
import type { RolloutSource } from "./rollout-metrics.ts";
import { registerRolloutMetrics } from "./rollout-metrics.ts";
import type { RouteReportsSource, TrafficSource } from "./traffic-metrics.ts";
import { registerRouteReportMetrics, registerTrafficMetrics } from "./traffic-metrics.ts";
import type { Labels } from "./metric-labels.ts";
import { GROUP_LABELS_MAX, OTHER, boundedLabels, typeLabel } from "./metric-labels.ts";
import { tallyCounter } from "./tally.ts";

export interface MetricsOptions {
  readonly registry: Registry;
  /** The fleet as it is now. */
  readonly fleet: () => Fleet;
  /** What other replicas have told of their nodes; absent where there are none. */
  readonly otherFleets?: (() => readonly FleetSummary[]) | undefined;
  readonly loopDelay: LoopDelayMonitor;
  readonly loads: LoadSource;
  readonly traffic: TrafficSource;
  readonly routeReports: RouteReportsSource;
  /** How it stands with etcd; absent without one. */
  readonly etcd?: Pick<EtcdContacts, "behind" | "newer" | "unfinishedPush"> | undefined;
  /** Those that are on; none when absent. */
  readonly rollouts?: RolloutSource;
  /** When the certificates of secrets are valid. */
  readonly validities?: () => readonly SecretValidity[];
  /** How many keys are no instance at this moment. */
  readonly refusedInstancesCount?: () => number;
  readonly unnamedInstancesCount?: () => number;
}

/** Counts what happens. An event is recorded after the fleet took its step. */
export interface Metrics {
  record(event: FairwayEvent): void;
}

/** What to do at each kind of event; most kinds are not counted. */
type Feeds = { readonly [K in FairwayEvent["kind"]]?: (event: Extract<FairwayEvent, { readonly kind: K }>) => void };

/** From a push on one host to a wait of a whole drain. */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** Registers everything and returns what feeds it. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { registry, fleet, otherFleets = () => [] } = options;
  const groups = boundedLabels(GROUP_LABELS_MAX);
  collectDefaultMetrics({ register: registry });
  registerFleetGauges(registry, { fleet, otherFleets, groups });
  registerLoadMetrics(registry, options.loads);
  registerTrafficMetrics(registry, options.traffic);
  registerRouteReportMetrics(registry, options.routeReports);
  registerLoopDelay(options);
  registerCertificateGauge(registry, options.validities ?? (() => []));
  const { moved, failed } = registerRolloutMetrics(registry, options.rollouts ?? (() => []));
  const feeds: Feeds = {
    "rollout-moved": moved,
    "rollout-failed": failed,
    ...feedStreams(registry),
    ...feedEtcd(options),
    ...feedConfig(registry, { fleet, groups }),
  };
  return {
    record(event) {
      const feed = feeds[event.kind] as ((event: FairwayEvent) => void) | undefined;
      feed?.(event);
    },
  };
}

function feedStreams(registry: Registry): Feeds {
  const tallies = typeTallies(registry);
  const refused = new Counter({
    name: "fairway_streams_refused_total",
    help: "Streams that were refused: too many, no node, no group or two, another's certificate, or no valid snapshot yet.",
    registers: [registry],
  });
  const handshakes = new Counter({
    name: "fairway_tls_handshakes_failed_total",
    help: "Connections to the xDS port that got no further than TLS.",
    registers: [registry],
  });
  const ackSeconds = new Histogram({
    name: "fairway_ack_seconds",
    help: "From sending a response to its acknowledgement.",
    buckets: secondsBuckets,
    registers: [registry],
  });
  return {
    sent: (event) => {
      const { responses, bytes } = tallies(event.typeUrl);
      responses[event.variant].sum += 1;
      bytes.sum += event.bytes;
    },
    acked: (event) => {
      tallies(event.typeUrl).acks.sum += 1;
      ackSeconds.observe(event.roundTripMs / 1_000);
    },
    rejected: (event) => {
      tallies(event.typeUrl).rejections.sum += 1;
    },
    "stream-refused": () => refused.inc(),
    "load-stream-refused": () => refused.inc(),
    "traffic-report-refused": () => refused.inc(),
    "streams-turned-away": ({ count }) => refused.inc(count),
    "handshakes-failed": ({ count }) => handshakes.inc(count),
  };
}

/** The cells of a type, found by its URL; all types that xDS does not deliver share theirs. */
function typeTallies(registry: Registry) {
  const byType = (name: string, help: string) => tallyCounter(registry, { name, help, labelNames: ["type"] });
  const responses = tallyCounter(registry, {
    name: "fairway_responses_total",
    help: "Discovery responses sent.",
    labelNames: ["type", "variant"],
  });
  const bytes = byType("fairway_response_bytes_total", "Bytes of discovery responses sent.");
  const acks = byType("fairway_acks_total", "Responses that nodes acknowledged.");
  const rejections = byType("fairway_rejections_total", "Responses that nodes rejected (NACK).");
  const cellsOf = (type: string) => ({
    responses: {
      sotw: responses({ type, variant: "sotw" }),
      delta: responses({ type, variant: "delta" }),
    },
    bytes: bytes({ type }),
    acks: acks({ type }),
    rejections: rejections({ type }),
  });
  const other = cellsOf(OTHER);
  const known = new Map(resourceTypes.map(({ typeUrl }) => [typeUrl, cellsOf(typeLabel(typeUrl))]));
  return (typeUrl: string) => known.get(typeUrl) ?? other;
}

/** Without etcd there are no such series. */
function feedEtcd({
  registry,
  etcd,
  refusedInstancesCount = () => 0,
  unnamedInstancesCount = () => 0,
}: MetricsOptions): Feeds {
  if (etcd === undefined) return {};
  registry.registerMetric(
    new Gauge({
      name: "fairway_etcd_prefixes_behind",
      help: "Prefixes of etcd that may be behind, here or there, because etcd does not answer, has an older state, is another cluster or takes no writes.",
      registers: [],
      collect(): void {
        this.set(etcd.behind().length);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "fairway_etcd_read_only",
      help: "1 while nothing is written to etcd, because a newer Fairway has written there what this one does not know.",
      registers: [],
      collect(): void {
        this.set(etcd.newer() === undefined ? 0 : 1);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "fairway_etcd_push_unfinished",
      help: "1 while a push that has died half way keeps the config in etcd from being taken over.",
      registers: [],
      collect(): void {
        this.set(etcd.unfinishedPush() === undefined ? 0 : 1);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "fairway_instances_refused",
      help: "Keys below the prefix of a service that are no instance of it at this moment.",
      registers: [],
      collect(): void {
        this.set(refusedInstancesCount());
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "fairway_instances_unnamed",
      help: "Keys where instances register that no service of the config names, at this moment.",
      registers: [],
      collect(): void {
        this.set(unnamedInstancesCount());
      },
    }),
  );
  const refused = new Counter({
    name: "fairway_instances_refused_total",
    help: "Keys below the prefix of a service that are no instance of it.",
    registers: [registry],
  });
  return { "instance-refused": () => refused.inc() };
}

function feedConfig(registry: Registry, of: { readonly fleet: () => Fleet; readonly groups: Labels }): Feeds {
  const { groups } = of;
  const build = configInstruments(registry);
  const convergence = convergenceFeed(registry, of);
  const show = versionFeed(registry, groups);
  const setHeld = (group: GroupName, value: 0 | 1) => build.held.set({ group: groups(group) }, value);
  return {
    "config-accepted": (event) => {
      build.seconds.observe(event.buildMs / 1_000);
      build.lastAccepted.set(event.atMs / 1_000);
      setHeld(event.group, 0);
      show(event.group, event.snapshotVersion);
      convergence.accepted(event);
    },
    synced: (event) => convergence.synced(event.nodeId),
    "config-refused": () => build.refused.inc(),
    "config-held": (event) => setHeld(event.group, 1),
    "config-confirmed": (event) => setHeld(event.group, 0),
    "config-hold-withdrawn": (event) => setHeld(event.group, 0),
    "lkg-loaded": (event) => show(event.group, event.snapshotVersion),
    "state-write-failed": () => build.stateWritesFailed.inc(),
  };
}

function configInstruments(registry: Registry) {
  const registers = [registry];
  return {
    seconds: new Histogram({
      name: "fairway_build_seconds",
      help: "From the read files to a snapshot.",
      buckets: secondsBuckets,
      registers,
    }),
    lastAccepted: new Gauge({
      name: "fairway_config_last_accepted_timestamp_seconds",
      help: "When a config was last accepted.",
      registers,
    }),
    refused: new Counter({
      name: "fairway_config_refused_total",
      help: "Configs that were refused because of what is written in them.",
      registers,
    }),
    held: new Gauge({
      name: "fairway_config_held",
      help: "1 while a change of the group waits to be confirmed.",
      labelNames: ["group"],
      registers,
    }),
    stateWritesFailed: new Counter({
      name: "fairway_state_write_failures_total",
      help: "Writes of the state that failed.",
      registers,
    }),
  };
}

/** Keeps one version per group: the series of the version before is taken back. */
function versionFeed(registry: Registry, groups: Labels): (group: GroupName, version: SnapshotVersion) => void {
  const gauge = new Gauge({
    name: "fairway_snapshot_info",
    help: "The current snapshot of a group; the value is always 1.",
    labelNames: ["group", "version"],
    registers: [registry],
  });
  const shown = new Map<string, SnapshotVersion>();
  return (name, version) => {
    const group = groups(name);
    if (group === OTHER) return;
    const before = shown.get(group);
    if (before !== undefined) gauge.remove({ group, version: before });
    gauge.set({ group, version }, 1);
    shown.set(group, version);
  };
}

/** Observes each accepted version once: when the fleet says that the last connected node of the group has it. */
function convergenceFeed(registry: Registry, of: { readonly fleet: () => Fleet; readonly groups: Labels }) {
  const histogram = new Histogram({
    name: "fairway_convergence_seconds",
    help: "From noticing a change to the last acknowledgement by a connected node of the group.",
    labelNames: ["group"],
    buckets: secondsBuckets,
    registers: [registry],
  });
  // One entry for each group, at most: a newer version replaces the one that nodes did not reach.
  const awaited = new Map<GroupName, { readonly version: SnapshotVersion; readonly noticedAtMs: number }>();
  return {
    accepted(event: FairwayEvent & { readonly kind: "config-accepted" }) {
      awaited.set(event.group, { version: event.snapshotVersion, noticedAtMs: event.atMs - event.noticedAgoMs });
    },
    synced(nodeId: string) {
      if (awaited.size === 0) return;
      const name = of.fleet().nodes.get(nodeId)?.group;
      const group = name === undefined ? undefined : of.fleet().groups.get(name);
      const change = name === undefined ? undefined : awaited.get(name);
      if (name === undefined || change === undefined || group?.convergedAtMs === undefined) return;
      if (group.snapshot?.version !== change.version) return;
      awaited.delete(name);
      const tookMs = group.convergedAtMs - change.noticedAtMs;
      // The same content accepted again was there before; that says nothing about how long a change takes.
      if (tookMs >= 0) histogram.observe({ group: of.groups(name) }, tookMs / 1_000);
    },
  };
}

function registerLoopDelay({ registry, loopDelay }: MetricsOptions): void {
  const gauge: Gauge = new Gauge({
    name: "fairway_event_loop_delay_seconds",
    help: "How late the event loop ran, the worst of about the last minute; quantile 1 is the longest.",
    labelNames: ["quantile"],
    registers: [],
    collect() {
      const { p50Ms, p99Ms, maxMs } = loopDelay.delay();
      this.set({ quantile: "0.5" }, p50Ms / 1_000);
      this.set({ quantile: "0.99" }, p99Ms / 1_000);
      this.set({ quantile: "1" }, maxMs / 1_000);
    },
  });
  registry.registerMetric(gauge);
}
