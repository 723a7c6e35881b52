/**
 * What the engine of rollouts is given of the running control plane.
 */
import type { TrafficReader } from "../evidence/traffic-view.ts";
import type { RouteWatcher } from "../evidence/route-view.ts";
import type { Split, SplitWatch } from "../model/intent-split.ts";
import type { ConfigVersions } from "../rollout/config-versions.ts";
import type { AskedWeights, NotChanged } from "../rollout/change-split.ts";
import type { ObservedNode } from "../rollout/observed.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { SplitDocument } from "../rollout/split-document.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import type { Result } from "../support/result.ts";
import type { BuiltSplit } from "./build-protocol.ts";

export interface RolloutPort {
  /** Whether anything is served: before that nothing is known of splits. */
  isServing(): boolean;
  splits(): readonly SplitStanding[];
  /** The same without how far each is, which costs a look at every node. */
  served(): readonly BuiltSplit[];
  /** Whether these are of the newest config: while that is refused or held it may have others. */
  isConfigInForce(): boolean;
  /** Reads what is kept of splits once more. */
  lookAgain(): void;
  /** Whether requests are copied that go by it, without a look at any node. */
  hasCopies(name: string): boolean;
  changeSplit(name: string, asked: AskedWeights): Promise<Result<SplitDocument, NotChanged>>;
  /** Takes back the weights that a rollout has left which ended unjudged, if there are any. */
  takeBack(record: RolloutRecord): Promise<Result<undefined, NotChanged>>;
  /** The connected nodes of these groups, of all replicas. */
  nodes(groups: readonly string[]): readonly ObservedNode[];
  /** Of the config that is served to these groups. */
  versions(groups: readonly string[]): ConfigVersions;
  /** What nodes have told this replica by OpenTelemetry, and by load reports. */
  readonly traffic: TrafficReader;
  readonly loads: TrafficReader;
  readonly routes: RouteWatcher;
  /** Envoys that can are asked to tell of requests to these splits, and to no others. */
  watchSplits(watched: ReadonlyMap<string, SplitWatch>): void;
}

/** Those of the files, as far as they are served. */
export function splitNamed(
  port: RolloutPort,
  name: string,
): { readonly split: Split; readonly standing: SplitStanding } | undefined {
  const standing = port.splits().find(({ split }) => split.name === name);
  return standing === undefined ? undefined : { split: standing.split, standing };
}
