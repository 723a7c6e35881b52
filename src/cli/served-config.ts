/**
 * The config as far as it is served: its splits, and what is built anew when weights change while a newer config is refused
 * or held.
 *
 * After a start that finds the config refused it is the one that the last known good is from, as the disk has it.
 */
import type { SourceState } from "../config/source.ts";
import type { Publication } from "../snapshot/publication.ts";
import type { BuildOutcome } from "./builder.ts";
import type { BuiltSplit } from "./build-protocol.ts";
import type { KeptConfigsOptions, KeptFiles } from "./kept-configs.ts";
import { KeptConfigs } from "./kept-configs.ts";

export class ServedConfig {
  readonly #kept: KeptConfigs;
  /** The newest of which all is served: nothing of it is held. */
  #newest: SourceState | undefined;
  #splits: readonly BuiltSplit[] | undefined;
  #isInForce = false;

  constructor(options: KeptConfigsOptions) {
    this.#kept = new KeptConfigs(options);
  }

  restore(files: KeptFiles): void {
    this.#kept.restore(files);
  }

  /** As they are in what is served. */
  get splits(): readonly BuiltSplit[] {
    return this.#splits ?? [];
  }

  /** Whether anything is known of splits. */
  get isKnown(): boolean {
    return this.#splits !== undefined;
  }

  /** Whether it is the newest, so that there is no split beside these. */
  get isInForce(): boolean {
    return this.#isInForce;
  }

  /** A snapshot has proven itself. */
  promoted(group: string, version: string): void {
    this.#kept.promoted(group, version);
  }

  /** After it was decided what of a build is served. */
  decided(outcome: BuildOutcome, { served, held }: Pick<Publication, "served" | "held">): void {
    const { standsInFor } = outcome.state;
    const isNewest = standsInFor === undefined;
    if (outcome.kind !== "built") {
      if (isNewest) this.#isInForce = false;
      return;
    }
    const { state, splits } = outcome;
    const snapshots = [...outcome.snapshots.values()].filter(({ group }) => standsInFor?.includes(group) ?? true);
    const inForce = snapshots.filter(
      ({ group, version }) => served.get(group)?.version === version && !(isNewest && held.has(group)),
    );
    const isServed = inForce.length === snapshots.length;
    this.#kept.served(state, inForce, { hasSplits: splits.length > 0, areAll: isNewest && isServed });
    if (isNewest) this.#isInForce = isServed;
    if (!isServed) return;
    if (isNewest) this.#newest = state;
    this.#splits = splits.filter(({ groups }) => groups.every((group) => standsInFor?.includes(group) ?? true));
  }

  /** What is built anew with other weights; undefined while the newest config is in force, or nothing is known. */
  standIn(
    { served, refused, held }: Pick<Publication, "served" | "refused" | "held">,
    change: Pick<SourceState, "cause" | "noticedAtMs">,
  ): SourceState | undefined {
    if (refused === undefined && held.size === 0) return undefined;
    if (this.#newest !== undefined) return { ...this.#newest, ...change, standsInFor: [...served.keys()] };
    const kept = this.#kept.of(served);
    if (kept === undefined) return undefined;
    return { revision: 0, problems: [], ...kept.config, ...change, standsInFor: kept.groups };
  }
}
