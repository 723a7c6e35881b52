/**
 * What an Envoy does with one request, and why: plain JSON that the command draws and the admin API answers.
 *
 * Every part that somebody wrote has the place where it is written. What cannot be known from the
 * configuration alone is said so, never guessed.
 */
import type { Place } from "../model/diagnostic.ts";

/** The whole answer. A part is absent when the request does not get that far. */
export interface Explanation {
  readonly request: AskedFor;
  readonly group: { readonly name: string; readonly at?: Place };
  /** The content hash of the snapshot. */
  readonly version: string;
  readonly node?: ExplainedNode;
  readonly listener?: ListenerFacts;
  /** Other listeners that take such a connection and have a route for the request. */
  readonly otherListeners: readonly ListenerName[];
  /** When no listener takes the connection: those on its port, or on others when it has none. */
  readonly nearListeners: readonly ListenerMiss[];
  readonly routeConfiguration?: { readonly name: string } & Written;
  readonly virtualHost?: { readonly name: string; readonly domain: string; readonly at?: Place };
  readonly route?: RouteFacts;
  readonly outcome: Outcome;
  /** Without a route that matches: the routes that came nearest, the nearest first. */
  readonly nearest: readonly Miss[];
  /** Routes that come first and take the request if what the configuration does not tell is so. */
  readonly perhaps: readonly Miss[];
  /** Those that the request may go to. */
  readonly clusters: readonly ClusterFacts[];
  /** What is in force for the request: timeouts, retries, filters, headers that are changed. */
  readonly settings: readonly Setting[];
  readonly notes: readonly string[];
}

/** The request as Envoy sees it. */
export interface AskedFor {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  /** As sent, with the query. */
  readonly path: string;
  /** As it is matched, when that is another: `/a/../b` is matched as `/b`. */
  readonly matchedPath?: string;
  /** As it is matched, when a port or dot is taken off it. */
  readonly matchedHost?: string;
}

/** The Envoy that was asked about; versions are of a connected one. */
export interface ExplainedNode {
  readonly id: string;
  readonly connected?: boolean;
  readonly acknowledged?: string;
}

export interface ListenerName {
  readonly name: string;
  /** `0.0.0.0:443`. */
  readonly address: string;
}

/** Where a resource is defined, and where patches that changed it are written. */
interface Written {
  readonly at: Place;
  readonly patchedAt?: readonly Place[];
}

/** A listener that does not take the connection, and why. */
export interface ListenerMiss extends ListenerName {
  readonly at: Place;
  readonly because: string;
}

export interface ListenerFacts extends ListenerName, Written {
  readonly tls: boolean;
  readonly filterChain?: string;
}

export interface RouteFacts {
  /** As access logs show it; `route/rule` when Fairway made it; empty when somebody left it out. */
  readonly name: string;
  readonly at: Place;
  /** What the match asks for, all of which holds. */
  readonly conditions: readonly string[];
  /** The split that the rule names. */
  readonly split?: { readonly name: string; readonly at?: Place };
}

/** A route that does not match, or only perhaps, and which of its conditions is why. */
export interface Miss {
  readonly route: string;
  readonly at: Place;
  readonly conditions: readonly string[];
}

/** What becomes of the request. */
export type Outcome =
  | {
      readonly kind: "forward";
      readonly clusters: readonly ClusterShare[];
      /** When it is rewritten. */
      readonly path?: string;
      readonly host?: string;
    }
  | { readonly kind: "redirect"; readonly status: number; readonly location: string }
  | { readonly kind: "answer"; readonly status: number; readonly body?: string }
  /** No virtual host or no route takes it. */
  | { readonly kind: "not-found"; readonly status: 404; readonly because: string }
  /** Envoy refuses it, or nothing listens for it. */
  | { readonly kind: "refused"; readonly status?: number; readonly because: string }
  /** The configuration alone does not tell. */
  | { readonly kind: "unknown"; readonly because: string };

/** One cluster and its part of the requests, in percent. */
export interface ClusterShare {
  readonly cluster: string;
  readonly percent: number;
}

export interface ClusterFacts extends Partial<Written> {
  readonly name: string;
  /** Absent when the snapshot has no such cluster. */
  readonly at?: Place;
  /** `EDS`, `STATIC`, `STRICT_DNS`, … */
  readonly discovery?: string;
  readonly endpointCount: number;
  /** The first of them. */
  readonly endpoints: readonly EndpointFacts[];
  readonly settings: readonly Setting[];
}

export interface EndpointFacts {
  readonly address: string;
  /** Where it is written. */
  readonly at?: Place;
  readonly priority: number;
  /** `region/zone/subZone`. */
  readonly locality?: string;
  readonly weight?: number;
  /** As configured; what health checks find is known to each Envoy alone. */
  readonly health?: string;
}

/** One line of what is in force. */
export interface Setting {
  readonly name: string;
  readonly text: string;
  /** Where it is written, when somebody wrote it. */
  readonly at?: Place;
  /** In which words it came to be in force, such as `policy fast, attached to route shop`. */
  readonly origin?: string;
}
