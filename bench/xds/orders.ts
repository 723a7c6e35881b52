/**
 * What the benchmark tells its programs, one JSON document a line, and what they answer.
 */

/** The servers understand these; `bench/peers/go-control-plane` reads the same. */
export type ServerOrder =
  /** Makes ready a snapshot of so many clusters. */
  | { readonly do: "start"; readonly clusters: number }
  /** Makes ready a snapshot that differs. */
  | { readonly do: "change"; readonly change: Change }
  /** Hands over the snapshot that was made ready. */
  | { readonly do: "publish" }
  /** Frees what is no longer used, so that memory can be compared. */
  | { readonly do: "collect" }
  /** How late the event loop ran since the last time that this was asked. */
  | { readonly do: "loop" }
  /** Whether these bytes mean the same as the peer's resource with index 7 and turn 3; base64. */
  | { readonly do: "compare"; readonly type: string; readonly bytes: string };

/** One change; `turn` is a number that was not used before. */
export interface Change {
  readonly what: "cluster" | "refused-cluster" | "endpoints" | "all-endpoints";
  readonly index: number;
  readonly turn: number;
}

/** The load client understands these. */
export type ClientOrder =
  | {
      readonly do: "connect";
      readonly address: string;
      readonly variant: "delta" | "sotw";
      readonly streams: number;
      readonly clusters: number;
      readonly resume: boolean;
      /** Further streams that ask and never read. */
      readonly neverRead: number;
      /** PEM file to trust: connect with TLS; empty means without. */
      readonly authority: string;
    }
  | {
      readonly do: "expect";
      readonly changed: ExpectedNames;
      /** Index of a cluster that is refused in its new content, at most so often by each stream. */
      readonly reject?: number;
      readonly rejectsMax?: number;
    }
  | { readonly do: "await"; readonly timeoutMs: number }
  | { readonly do: "report" }
  | { readonly do: "close" };

/** Names by index that every stream is to receive and acknowledge. */
export interface ExpectedNames {
  readonly clusters?: readonly number[];
  readonly endpoints?: readonly number[];
  readonly allEndpoints?: boolean;
}

/** What streams did since the last `expect` or `connect`. */
export interface ClientReport {
  readonly lateCount: number;
  /** What one of the late ones waits for. */
  readonly missing: string;
  /** One for each stream that has everything, on the machine's monotonic clock. */
  readonly ackedAtMs: readonly number[];
  /** When the last response came. */
  readonly lastAtMs: number;
  readonly bytes: number;
  readonly responses: number;
  readonly rejected: number;
}
