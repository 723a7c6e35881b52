/**
 * The part of the intent about access logs of gateways.
 */
import type { Place } from "./diagnostic.ts";

/** One log. */
export interface AccessLog {
  readonly at: Place;
  readonly sink: LogSink;
  /** A line of text in Envoy's formats; else there are fields. */
  readonly text?: string;
  /** Beside those that there are anyway, sorted by name; without a format one is left out. */
  readonly fields: readonly { readonly name: string; readonly format?: string }[];
  /** Requests of which any of this is true; absent means all. */
  readonly only?: { readonly errors: boolean; readonly slowerThanMs?: number; readonly percent?: number };
}

export type LogSink =
  | { readonly kind: "stdout" }
  | { readonly kind: "stderr" }
  /** A path on the Envoy's machine. */
  | { readonly kind: "file"; readonly path: string }
  | ({ readonly kind: "grpc" } & LogReceiver)
  | ({ readonly kind: "openTelemetry" } & LogReceiver);

/** A service that takes logs. */
export interface LogReceiver {
  readonly service: string;
  readonly subset?: string;
}
