/**
 * What the engine of rollouts is given of the running control plane.
 */
import type { TrafficReader } from "../evidence/traffic-view.ts";
import type { Split } from "../model/intent-split.ts";
import type { AskedWeights, NotChanged } from "../rollout/change-split.ts";
import type { ObservedNode } from "../rollout/observed.ts";
import type { SplitDocument } from "../rollout/split-document.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import type { Result } from "../support/result.ts";

export interface RolloutPort {
  /** Whether anything is served: before that nothing is known of splits. */
  isServing(): boolean;
  splits(): readonly SplitStanding[];
  /** The same without how far each is, which costs a look at every node. */
  served(): readonly Split[];
  changeSplit(name: string, asked: AskedWeights): Promise<Result<SplitDocument, NotChanged>>;
  /** The connected nodes of these groups, of all replicas. */
  nodes(groups: readonly string[]): readonly ObservedNode[];
  /** What nodes have told this replica by OpenTelemetry, and by load reports. */
  readonly traffic: TrafficReader;
  readonly loads: TrafficReader;
}

/** Those of the files, as far as they are served. */
export function splitNamed(
  port: RolloutPort,
  name: string,
): { readonly split: Split; readonly standing: SplitStanding } | undefined {
  const standing = port.splits().find(({ split }) => split.name === name);
  return standing === undefined ? undefined : { split: standing.split, standing };
}
