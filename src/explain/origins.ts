/**
 * Which lines of the config made a part of a resource: from Envoy's names back to rules and listeners.
 */
import type { Place } from "../model/diagnostic.ts";
import type { GatewayListener } from "../model/intent-gateway.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { Intent } from "../model/intent.ts";
import { envoyRouteName, listenerName } from "../translate/names.ts";
import type { Setting } from "./explanation.ts";

/** Where something is written, and why it is in force. */
type Origin = Pick<Setting, "at" | "origin">;

/** The rule and its parts; a part that nobody wrote has no place. */
export interface RuleOrigin {
  readonly at: Place;
  /** Of the route that the rule is in. */
  readonly routeAt: Place;
  readonly split?: { readonly name: string; readonly at: Place };
  readonly timeout?: Origin;
  readonly idleTimeout?: Origin;
  readonly retry?: Origin;
}

/** Finds the lines behind names; nothing for what somebody wrote as an Envoy resource. */
export interface Origins {
  rule(routeConfiguration: string, envoyRoute: string): RuleOrigin | undefined;
  /** Of a listener by the name of its routes; HTTPS listeners of one port are one resource with several chains. */
  listener(routeConfiguration: string): Place | undefined;
}

/** When the intent is not known, such as for a snapshot from the disk. */
export const noOrigins: Origins = { rule: () => undefined, listener: () => undefined };

/** Finds lines in an intent. */
export function originsIn(intent: Intent): Origins {
  const listener = (name: string) => findListener(intent, name)?.at;
  return {
    listener,
    rule: (routeConfiguration, envoyRoute) =>
      listener(routeConfiguration) === undefined ? undefined : findRule(intent, envoyRoute),
  };
}

function findListener(intent: Intent, name: string): GatewayListener | undefined {
  for (const gateway of intent.gateways) {
    const found = gateway.listeners.find((listener) => listenerName(gateway, listener) === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findRule(intent: Intent, name: string): RuleOrigin | undefined {
  for (const route of intent.routes) {
    const rule = route.rules.find((each) => envoyRouteName(route, each) === name);
    if (rule !== undefined) return ruleOrigin(route, rule);
  }
  return undefined;
}

function ruleOrigin(route: Route, rule: Rule): RuleOrigin {
  const { timeouts, retry, target } = rule;
  return {
    at: rule.at,
    routeAt: route.at,
    ...(target.split === undefined ? {} : { split: { name: target.split.name, at: target.split.definedAt } }),
    ...(timeouts?.requestMs === undefined ? {} : { timeout: { at: timeouts.at } }),
    ...(timeouts?.idleMs === undefined ? {} : { idleTimeout: { at: timeouts.at } }),
    ...(retry === undefined ? {} : { retry: { at: retry.at } }),
  };
}
