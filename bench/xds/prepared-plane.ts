/**
 * The control plane as `fairway serve` puts it together, but for the source: snapshots come prepared.
 *
 * Everything between a finished snapshot and the wire is the real thing, at the settings of `serve`: the
 * publication with its guard and history, the fleet, metrics, the log at info, the timeline, the server. Files,
 * building and the disk are left out, because the peer has none of them.
 */
import { Registry } from "prom-client";
import { createLedger } from "../../src/evidence/load-ledger.ts";
import { TrafficLedger } from "../../src/evidence/traffic-ledger.ts";
import { createFleet, step as stepFleet } from "../../src/fleet/fleet.ts";
import type { Fleet } from "../../src/fleet/fleet.ts";
import type { NodeGroup } from "../../src/model/intent.ts";
import { diffSnapshots } from "../../src/snapshot/diff.ts";
import type { Publication } from "../../src/snapshot/publication.ts";
import { emptyPublication, publish } from "../../src/snapshot/publication.ts";
import type { GroupName, Snapshot, TypeTable } from "../../src/snapshot/snapshot.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { FairwayEvent } from "../../src/telemetry/event.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { monitorLoopDelay } from "../../src/telemetry/loop-delay.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createTimeline } from "../../src/telemetry/timeline.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";

/** As in the control plane. */
const EARLIER_SNAPSHOTS_MAX = 10;

const groups: readonly NodeGroup[] = [
  {
    name: "fleet",
    at: { file: "bench", line: 1, column: 1 },
    match: {},
    consistency: "warn",
    removalGuard: { mode: "on" },
    updates: {},
  },
];

/** Lives as long as its program. */
export class PreparedPlane {
  readonly server: AdsServer;
  readonly #record: (event: FairwayEvent) => void;
  #fleet: Fleet = createFleet();
  #publication: Publication = emptyPublication;

  /** With a certificate and its key in PEM it serves with TLS. */
  constructor(tls: { readonly cert: string; readonly key: string } | undefined) {
    const clock = systemClock;
    const registry = new Registry();
    const timeline = createTimeline();
    const log = createLog({
      write: (line) => process.stderr.write(line),
      terminal: false,
      color: false,
      level: "info",
      draw: ({ message }) => message,
    });
    const loads = { ledger: createLedger(10_000), streamsCount: 0, reportsCount: 0 };
    const traffic = { ledger: new TrafficLedger(systemClock), reportsCount: 0 };
    const routeReports = { streamsCount: 0, entriesCount: 0, leftOutCount: 0 };
    const fleet = () => this.#fleet;
    const metrics = createMetrics({ registry, fleet, loopDelay: monitorLoopDelay(), loads, traffic, routeReports });
    this.#record = (event) => {
      if ("streamId" in event) this.#fleet = stepFleet(this.#fleet, event);
      metrics.record(event);
      log.record(event);
      timeline.record(event);
    };
    this.server = new AdsServer({
      clock,
      identifier: "fairway bench",
      transport: { tls },
      earlier: (group, typeUrl) => this.#earlier(group, typeUrl),
      emit: (events) => {
        for (const event of events) this.#record(event);
      },
    });
  }

  /** What the control plane does with a snapshot that was built; resolves when every stream was offered it. */
  async publish(snapshot: Snapshot): Promise<void> {
    const atMs = systemClock.monotonicMs();
    const snapshots = new Map([[snapshot.group, snapshot]]);
    const { state, decisions } = publish(this.#publication, { kind: "built", groups, snapshots, warnings: [], atMs });
    this.#publication = state;
    for (const decision of decisions) {
      if (decision.kind !== "accepted") throw new Error(`the snapshot was ${decision.kind}`);
      const { group, version: snapshotVersion, cause } = decision.snapshot;
      this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs });
      const changes = diffSnapshots(decision.before, snapshot);
      const facts = { group, snapshotVersion, cause: cause.text, buildMs: 0, noticedAgoMs: 0 };
      this.#record({ kind: "config-accepted", atMs, ...facts, changes });
    }
    await this.server.publish({ groups, snapshots: state.served });
  }

  #earlier(group: GroupName, typeUrl: string): readonly TypeTable[] {
    const snapshots: readonly Snapshot[] = this.#publication.history.get(group) ?? [];
    return snapshots.slice(0, EARLIER_SNAPSHOTS_MAX).flatMap((snapshot) => snapshot.tables.get(typeUrl) ?? []);
  }
}
