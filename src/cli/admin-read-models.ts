/**
 * What the admin API shows of a running control plane.
 */
import type { Registry } from "prom-client";
import type { AdminViews, GroupView, Scope } from "../admin/admin-views.ts";
import { readiness } from "../admin/readiness.ts";
import { loadPage } from "../evidence/load-view.ts";
import type { Known } from "../fleet/whole-fleet.ts";
import { findInWholeFleet, listWholeFleet, wholeConvergence } from "../fleet/whole-fleet.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import type { RolloutViews } from "../rollout/rollout-views.ts";
import { untouchedSplit } from "../rollout/split-document.ts";
import type { GroupStanding, KnownSplit } from "../rollout/split-standing.ts";
import { splitStanding } from "../rollout/split-standing.ts";
import type { Confirmation } from "../snapshot/confirmation.ts";
import type { Publication } from "../snapshot/publication.ts";
import { renderResource } from "../snapshot/render.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { Clock } from "../support/clock.ts";
import { err, ok } from "../support/result.ts";
import type { LoopDelayMonitor } from "../telemetry/loop-delay.ts";
import type { EtcdContacts } from "../telemetry/etcd-contacts.ts";
import type { Timeline } from "../telemetry/timeline.ts";
import type { BuiltSplit } from "./build-protocol.ts";
import type { ControlPlane } from "./control-plane.ts";
import { loadEnvoyApi } from "./envoy-api-file.ts";
import type { PastSnapshot } from "./shared-history.ts";
import { explainServed } from "./explain-served.ts";

/** What the views are made from. */
export interface ReadModelSources {
  readonly plane: ControlPlane;
  /** Private types that resources may hold. */
  readonly sets?: readonly DescriptorSet[];
  readonly clock: Clock;
  readonly registry: Registry;
  readonly timeline: Timeline;
  readonly loopDelay: LoopDelayMonitor;
  /** How it stands with etcd. */
  readonly etcd?: Pick<EtcdContacts, "behind" | "newer" | "unfinishedPush">;
  /** All that share the etcd; absent without one. */
  readonly replicas?: AdminViews["replicas"] | undefined;
}

/** The views over a control plane. */
export function createReadModels({
  plane,
  sets = [],
  clock,
  registry,
  timeline,
  loopDelay,
  etcd,
  replicas = async () => ok([]),
}: ReadModelSources): Omit<AdminViews, keyof RolloutViews> {
  let api: EnvoyApi | undefined;
  const refused = () => {
    const build = plane.publication.refused;
    return build === undefined ? undefined : { sinceMs: build.atMs, diagnostics: build.diagnostics };
  };
  const served = () => ({
    publication: plane.publication,
    sharedHistory: (group: GroupName) => plane.sharedHistory(group),
    confirmationOf: (group: GroupName, version: string) => plane.confirmations.of(group, version),
  });
  const knownIn = (scope: Scope): Known => ({
    fleet: plane.fleet,
    others: scope === "local" ? [] : plane.otherFleets(),
    nowMs: clock.monotonicMs(),
    waitsOf: plane.waitsOf,
  });
  return {
    groups: (scope) => groupViews(served(), knownIn(scope)),
    refused,
    warnings: () => plane.publication.warnings,
    snapshots: async (version) => {
      const here = allSnapshots(plane).filter((snapshot) => snapshot.version === version);
      if (here.length > 0) return here;
      const shared = await plane.findShared(version);
      return shared === undefined ? [] : [shared];
    },
    // Loaded when first asked for: serving needs no descriptors in this thread.
    renderResource: (resource) => renderResource(resource, (api ??= loadEnvoyApi(sets))),
    nodes: (query, scope) => listWholeFleet(knownIn(scope), query),
    node: (id) => findInWholeFleet(knownIn("fleet"), id),
    nodeResources: (id, query) => plane.inspectNode(id, query),
    ready: () => {
      const verdict = readiness(groupViews(served(), knownIn("local")), refused(), etcd);
      // What was decided is saved first and served then.
      if (verdict.ready && !plane.isServing) return { ready: false, reasons: ["the first snapshot is being saved"] };
      return verdict;
    },
    confirm: (asked) => plane.confirmations.give(asked),
    explain: (asked) => explainServed(plane, asked, clock),
    load: (query) => loadPage(plane.loads.ledger, query, clock.monotonicMs()),
    loadSettings: () => plane.loads.settings,
    configureLoad: (settings) => plane.loads.configure(settings),
    splits: () =>
      plane.servedConfig.splits.map((split) =>
        splitStanding(knownSplit(plane, split), groupStandings(plane.publication, knownIn("fleet"), split.groups), {
          isRefused: plane.publication.refused !== undefined,
        }),
      ),
    changeSplit: async (name, asked) =>
      plane.splits === undefined
        ? err({ kind: "unavailable", message: "there is no state directory and no etcd to keep it" })
        : plane.splits.change(name, asked),
    replicas,
    refusedInstances: () => plane.refusedInstances,
    unnamedInstances: () => plane.unnamedInstances,
    events: (after) => timeline.after(after),
    nowMs: () => clock.nowMs(),
    metrics: () => registry.metrics(),
    loopDelay: () => loopDelay.delay(),
  };
}

function knownSplit(plane: ControlPlane, built: BuiltSplit): KnownSplit {
  const { groups, liveNumber, copying } = built;
  const document = plane.splits?.of(built.name) ?? untouchedSplit;
  const { stale } = plane.publication;
  const isLastKnownGood = groups.some((group) => stale.has(group as GroupName));
  return { split: built, groups, copying, servedNumber: liveNumber, document, isLastKnownGood };
}

function groupStandings({ held }: Publication, known: Known, groups: readonly string[]): readonly GroupStanding[] {
  return groups.map((group) => ({
    group,
    isHeld: held.has(group as GroupName),
    convergence: wholeConvergence(known, group as GroupName),
  }));
}

/** What was decided here, and by whom, and what other replicas have served. */
interface Decided {
  readonly publication: Publication;
  sharedHistory?(group: GroupName): readonly PastSnapshot[];
  confirmationOf?(group: GroupName, version: string): Confirmation | undefined;
}

/** The groups of the config, and those that it no longer has while connected nodes are still in them. */
export function groupViews(
  { publication, sharedHistory, confirmationOf }: Decided,
  known: Known,
): readonly GroupView[] {
  const { fleet } = known;
  const isInUse = (name: GroupName) => (fleet.groups.get(name)?.connectedCount ?? 0) > 0;
  const names = new Set<GroupName>([
    ...publication.groups.map(({ name }) => name as GroupName),
    ...[...publication.served.keys()].filter(isInUse),
  ]);
  return [...names].sort().map((name) => {
    const current = publication.served.get(name);
    const history = publication.history.get(name) ?? [];
    return {
      name,
      current,
      source: publication.stale.has(name) ? "last-known-good" : "config",
      history: withShared(withCurrentFirst(history, current), sharedHistory?.(name) ?? []).map((past) => ({
        ...past,
        confirmed: confirmationOf?.(name, past.version),
      })),
      held: publication.held.get(name),
      convergence: wholeConvergence(known, name),
    };
  });
}

/** Behind what this process has served comes what others have, or it had before. */
function withShared(own: readonly PastSnapshot[], shared: readonly PastSnapshot[]): readonly PastSnapshot[] {
  return [...own, ...shared.filter(({ version }) => !own.some((snapshot) => snapshot.version === version))];
}

function withCurrentFirst(history: readonly Snapshot[], current: Snapshot | undefined): readonly Snapshot[] {
  if (current === undefined || history[0]?.version === current.version) return history;
  return [current, ...history.filter(({ version }) => version !== current.version)];
}

function allSnapshots({ publication }: ControlPlane): readonly Snapshot[] {
  const found = new Map<string, Snapshot>();
  const add = (snapshot: Snapshot) => {
    const key = `${snapshot.group} ${snapshot.version}`;
    if (!found.has(key)) found.set(key, snapshot);
  };
  for (const snapshot of publication.served.values()) add(snapshot);
  for (const { snapshot } of publication.held.values()) add(snapshot);
  for (const history of publication.history.values()) for (const snapshot of history) add(snapshot);
  return [...found.values()];
}
