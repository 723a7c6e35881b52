/**
 * What the benchmark and its load client, which is another program, say to each other.
 */

/** Who is asked, and what; every request of a target is the same. */
export interface LoadTarget {
  readonly port: number;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM texts: present when the listener speaks TLS. */
  readonly tls?: { readonly ca: string; readonly serverName: string; readonly cert?: string; readonly key?: string };
}

/** One at a time. */
export type LoadOrder =
  /** So many requests, each connection sending its next one when it has its answer. */
  | {
      readonly kind: "count";
      readonly target: LoadTarget;
      readonly connections: number;
      readonly requests: number;
    }
  /** So many requests a second, whether answers come or not; those of the lead are not in the times. */
  | {
      readonly kind: "rate";
      readonly target: LoadTarget;
      readonly connections: number;
      readonly perSecond: number;
      readonly seconds: number;
      readonly leadSeconds: number;
    };

/** Counts of an order. */
export interface LoadAnswer {
  readonly seconds: number;
  readonly sent: number;
  /** Requests without an answer, or with a status from 400 on. */
  readonly failed: number;
  readonly leadFailed: number;
  /** Statuses and their counts, lead included; 0 is no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of `rate`: from the moment at which each request was due, in ms. */
  readonly latenciesMs: readonly number[];
  /** Of `rate`: how long after that moment it was sent; what the client itself adds. */
  readonly lateMs: readonly number[];
}
