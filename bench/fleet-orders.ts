/**
 * What the benchmark and its simulated nodes, which are another program, say to each other.
 */

/** How a file is saved: written beside and renamed, or written over in place. */
export type SaveHow = "rename" | "write";

/** Resources by type URL that every node must have been sent and have acknowledged. */
export type AwaitedNames = Readonly<Record<string, readonly string[]>>;

/** What the nodes are asked to do; one at a time. */
export type FleetOrder =
  /** Connect; done when every node has acknowledged all that there is. */
  | {
      readonly kind: "connect";
      readonly xdsPort: number;
      readonly nodesCount: number;
      readonly routeName: string;
      /** What their ids begin with, before 16 digits; numbered ones when absent. */
      readonly idPrefix?: string;
    }
  /** All leave. */
  | { readonly kind: "disconnect" }
  /** Put the content of `from` into `to`; done when every node has acknowledged what is awaited. */
  | {
      readonly kind: "save";
      readonly how: SaveHow;
      readonly from: string;
      readonly to: string;
      readonly awaited: AwaitedNames;
      readonly timeoutMs: number;
    }
  /** Watch this prefix of an etcd with a bare client; the orders below need it. */
  | { readonly kind: "watch"; readonly etcd: string; readonly prefix: string }
  /** Write a key, or take it away; done when every node has acknowledged what is awaited. */
  | {
      readonly kind: "put";
      readonly key: string;
      readonly value: string | undefined;
      readonly awaited: AwaitedNames;
      readonly timeoutMs: number;
    }
  /** Let the lease of a key end; done when every node has acknowledged what is awaited, counted from the watch's event. */
  | {
      readonly kind: "expire";
      readonly key: string;
      readonly value: string;
      readonly awaited: AwaitedNames;
      readonly timeoutMs: number;
    }
  /** Only count. */
  | { readonly kind: "count" };

/** Answers the order before. */
export type FleetAnswer =
  | {
      readonly kind: "done";
      /** From just before the order's first effect to the last node's acknowledgement. */
      readonly tookMs: number;
      /** From the write to the event of the bare watch; undefined where nothing was watched. */
      readonly watchedMs?: number | undefined;
      /** Responses with clusters that all nodes together have ever received. */
      readonly clusterResponsesCount: number;
      /** Responses that all nodes together have ever received. */
      readonly responsesCount: number;
    }
  | { readonly kind: "failed"; readonly message: string };
