/**
 * What happens around load reports, as facts for the log and the timeline. The reports themselves are no
 * events: they come all the time, and the ledger has what they say.
 */

interface AtTime {
  readonly atMs: number;
}

export type LoadEvent =
  | (AtTime & { readonly kind: "load-stream-opened"; readonly nodeId: string; readonly peer: string })
  /** Somebody who may not speak for this node. */
  | (AtTime & {
      readonly kind: "load-stream-refused";
      readonly nodeId: string;
      readonly peer: string;
      readonly reason: string;
    })
  | (AtTime & { readonly kind: "load-stream-closed"; readonly nodeId: string; readonly reason: string })
  /** Nodes are asked to report in another way than before. */
  | (AtTime & {
      readonly kind: "load-settings-changed";
      readonly intervalMs: number;
      readonly clustersCount: number | "all";
      readonly endpoints: boolean;
    });
