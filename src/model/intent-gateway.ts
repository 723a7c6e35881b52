/**
 * The part of the intent about `gateways`: what Envoys listen on.
 */
import type { Place } from "./diagnostic.ts";

/** A set of listeners on the Envoys of some groups. */
export interface Gateway {
  readonly name: string;
  readonly at: Place;
  /** Names of node groups. */
  readonly groups: readonly string[];
  readonly listeners: readonly GatewayListener[];
}

/** One HTTP listener. */
export interface GatewayListener {
  readonly name: string;
  readonly at: Place;
  readonly address?: string;
  readonly port: number;
}
