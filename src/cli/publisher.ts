/**
 * What is served: from what became of a build to what nodes are given.
 *
 * Each outcome is decided on, saved, told and pushed, in this order, before the next one. Which nodes have it is folded from
 * what happens on their streams, so that "served" and "who has it" are always of one moment.
 */
import { step as stepFleet, createFleet } from "../fleet/fleet.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { isOnlyAway } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { RefusedInstances } from "../model/read-instance.ts";
import type { SecretValidity } from "../model/validity.ts";
import { newWarnings } from "../model/new-warnings.ts";
import { diffSnapshots } from "../snapshot/diff.ts";
import type { Publication, PublicationDecision, PublicationInput } from "../snapshot/publication.ts";
import { emptyPublication, heldWithoutServed, publish, sameGroups } from "../snapshot/publication.ts";
import type { GroupName, Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import type { Clock } from "../support/clock.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { AdsServer } from "../xds/ads-server.ts";
import type { BuildOutcome } from "./builder.ts";
import { failureDiagnostic } from "./failed-build.ts";
import type { SavedSnapshots, SavedState } from "./saved-snapshots.ts";
import { standIn } from "./saved-snapshots.ts";
import type { SharedState } from "./shared-state.ts";

/** Earlier snapshots whose resources a returning node may still hold. */
const EARLIER_SNAPSHOTS_MAX = 10;

export interface PublisherOptions {
  readonly clock: Clock;
  readonly server: Pick<AdsServer, "publish">;
  readonly saved: Pick<SavedSnapshots, "load" | "served">;
  /** Where other replicas are told; absent where there is no etcd. */
  readonly shared: SharedState | undefined;
  /** Something else is served or held than before, or may be. */
  onDecided(): void;
  record(event: FairwayEvent): void;
}

type Built = BuildOutcome & { readonly kind: "built" };

/** Whoever calls it waits for each call before the next. */
export class Publisher {
  readonly #options: PublisherOptions;
  #fleet: Fleet = createFleet();
  #publication: Publication = emptyPublication;
  #restored: SavedState = { served: [], lastKnownGood: [], groups: [], configs: {} };
  #isServing = false;
  #refusedInstances: RefusedInstances = { count: 0, first: [] };
  #validities: readonly SecretValidity[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Whether nodes are answered: the first snapshots were handed to the server. */
  get isServing(): boolean {
    return this.#isServing;
  }

  get fleet(): Fleet {
    return this.#fleet;
  }

  get publication(): Publication {
    return this.#publication;
  }

  /** What registers and is no instance, as of the newest build. */
  get refusedInstances(): RefusedInstances {
    return this.#refusedInstances;
  }

  /** When the certificates of the newest build that was not refused are valid. */
  get validities(): readonly SecretValidity[] {
    return this.#validities;
  }

  /** What an earlier run left on disk: for the guard, for nodes that still hold it, and for want of anything better. */
  async restore(): Promise<SavedState> {
    this.#restored = await this.#options.saved.load();
    const remembered = this.#restored.served;
    this.#publication = publish(this.#publication, { kind: "remembered", snapshots: remembered }).state;
    return this.#restored;
  }

  /** What has happened on a stream. */
  hear(event: Extract<FairwayEvent, { readonly streamId: unknown }>): void {
    this.#fleet = stepFleet(this.#fleet, event);
  }

  /** An input that is no build, such as that somebody lets what is held go on. */
  async decide(input: PublicationInput): Promise<void> {
    await this.#publish(input, undefined);
  }

  /** What was served before, newest first. */
  earlier(group: GroupName, typeUrl: string): readonly TypeTable[] {
    const snapshots: readonly Snapshot[] = this.#publication.history.get(group) ?? [];
    return snapshots.slice(0, EARLIER_SNAPSHOTS_MAX).flatMap((snapshot) => snapshot.tables.get(typeUrl) ?? []);
  }

  /** What became of a build. */
  async take(outcome: BuildOutcome): Promise<void> {
    const atMs = this.#options.clock.monotonicMs();
    const { state } = outcome;
    this.#options.shared?.replicas.built(outcome.kind === "built" ? outcome.snapshots : undefined, outcome.etcd);
    if (outcome.kind === "built") {
      const { groups, snapshots, warnings, buildMs, refusedInstances, etcd } = outcome;
      this.#refusedInstances = outcome.refusedNow;
      this.#validities = outcome.validities;
      this.#options.shared?.built({ snapshots, buildMs, etcd });
      for (const problem of refusedInstances) this.#options.record({ kind: "instance-refused", atMs, ...problem });
      if (state.standsInFor !== undefined) {
        const rebuilt = [...snapshots].filter(([group]) => state.standsInFor?.includes(group));
        await this.#publish({ kind: "rebuilt", snapshots: new Map(rebuilt) }, outcome);
        return;
      }
      const fresh = newWarnings(this.#publication.warnings, warnings);
      if (fresh.length > 0) this.#options.record({ kind: "source-warning", atMs, diagnostics: fresh });
      const before = this.#publication.refused?.diagnostics;
      const living = await this.#options.shared?.baseline.once(this.#restored.served);
      if (living !== undefined) this.#publication = publish(this.#publication, { kind: "fleet", living }).state;
      const { decisions } = await this.#publish({ kind: "built", groups, snapshots, warnings, atMs }, outcome);
      const left = heldWithoutServed(this.#publication);
      if (left.length > 0) {
        const theirs = (await this.#options.shared?.baseline.contents(left)) ?? [];
        await this.#publish({ kind: "stood-in", snapshots: theirs }, undefined);
      }
      // Otherwise nothing would say that the refusal is over.
      if (before !== undefined && decisions.length === 0) {
        const kind = isOnlyAway(before) ? "config-arrived" : "config-mended";
        this.#options.record({ kind, atMs, cause: state.cause });
      }
      return;
    }
    const diagnostics = outcome.kind === "refused" ? outcome.diagnostics : [failureDiagnostic(outcome.error, state)];
    await this.#publish({ kind: "refused", diagnostics, cause: state.cause, atMs }, undefined);
    const kind = isOnlyAway(diagnostics) ? "config-waiting" : "config-refused";
    this.#options.record({ kind, atMs, cause: state.cause, diagnostics });
    if (this.#publication.served.size === 0 && this.#restored.lastKnownGood.length > 0) {
      await this.#fallBack(diagnostics);
    }
  }

  async #fallBack(diagnostics: readonly Diagnostic[]): Promise<void> {
    const { groups } = this.#restored;
    const { snapshots, isNewest } = standIn(this.#restored, diagnostics);
    this.#publication = publish(this.#publication, { kind: "fallback", groups, snapshots }).state;
    const reason = diagnostics[0]?.message ?? "the config cannot be built";
    for (const snapshot of snapshots) {
      const atMs = this.#options.clock.monotonicMs();
      const facts = { group: snapshot.group, snapshotVersion: snapshot.version };
      this.#options.record({ kind: "lkg-loaded", atMs, ...facts, reason, isNewest });
      this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs });
    }
    await this.#push(this.#publication.groups);
  }

  /** Decides, saves, reports and pushes. */
  async #publish(
    input: PublicationInput,
    build: Built | undefined,
  ): Promise<{ readonly decisions: readonly PublicationDecision[] }> {
    const before = this.#publication;
    const { state, decisions } = publish(before, input);
    this.#publication = state;
    // The last known good is of no revision, and marks nothing.
    const isMarked = input.kind === "built" || input.kind === "rebuilt" || input.kind === "confirmed";
    if (isMarked) this.#options.shared?.decided();
    this.#options.onDecided();
    const accepted = decisions.flatMap((decision) =>
      decision.kind === "accepted" || decision.kind === "confirmed" ? [decision.snapshot] : [],
    );
    const regrouped = !sameGroups(before.groups, state.groups);
    if (accepted.length > 0 || regrouped) await this.#options.saved.served(accepted, state.groups);
    for (const decision of decisions) this.#report(decision, build);
    if (accepted.length > 0 || regrouped) await this.#push(before.groups);
    else if (isMarked) this.#options.shared?.replicas.pushed();
    this.#options.shared?.history.served(accepted);
    return { decisions };
  }

  async #push(groupsBefore: readonly NodeGroup[]): Promise<void> {
    const { groups, served } = this.#publication;
    for (const { name } of groupsBefore) {
      if (groups.some((group) => group.name === name)) continue;
      const group = name as GroupName;
      this.#fleet = stepFleet(this.#fleet, { kind: "group-removed", group, atMs: this.#options.clock.monotonicMs() });
    }
    for (const { name } of groups) {
      // A group that comes back with the content it had is no new decision, and is current again all the same.
      const snapshot = served.get(name as GroupName);
      if (snapshot === undefined || groupsBefore.some((group) => group.name === name)) continue;
      this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs: this.#options.clock.monotonicMs() });
    }
    const pushed = this.#options.server.publish({ groups, snapshots: served });
    this.#isServing = served.size > 0;
    this.#options.shared?.replicas.pushed();
    await pushed;
  }

  #report(decision: PublicationDecision, build: Built | undefined): void {
    const atMs = this.#options.clock.monotonicMs();
    if (decision.kind === "held" || decision.kind === "hold-withdrawn") {
      const { snapshot, findings } = decision.held;
      const facts = { atMs, group: snapshot.group, snapshotVersion: snapshot.version };
      if (decision.kind === "hold-withdrawn") this.#options.record({ kind: "config-hold-withdrawn", ...facts });
      else this.#options.record({ kind: "config-held", ...facts, findings });
      return;
    }
    const { snapshot, before } = decision;
    const facts = { atMs, group: snapshot.group, snapshotVersion: snapshot.version };
    if (decision.kind === "confirmed")
      this.#options.record({ kind: "config-confirmed", ...facts, by: decision.confirmation });
    this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs });
    const changes = diffSnapshots(before, snapshot);
    const noticedAgoMs = build === undefined ? 0 : atMs - build.state.noticedAtMs;
    const buildMs = build?.buildMs ?? 0;
    const cause = snapshot.cause.text;
    this.#options.record({ kind: "config-accepted", ...facts, cause, buildMs, noticedAgoMs, changes });
  }
}
