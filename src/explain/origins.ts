/**
 * Which lines of the config made a part of a resource: from Envoy's names back to rules and listeners.
 */
import type { Place } from "../model/diagnostic.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { Intent } from "../model/intent.ts";
import type { EffectivePart } from "../translate/effective-policy.ts";
import { effectivePolicy } from "../translate/effective-policy.ts";
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
  return {
    listener: (name) => findListener(intent, name)?.listener.at,
    rule: (routeConfiguration, envoyRoute) => {
      const found = findListener(intent, routeConfiguration);
      return found === undefined ? undefined : findRule(intent, found.gateway, envoyRoute);
    },
  };
}

function findListener(
  intent: Intent,
  name: string,
): { readonly gateway: Gateway; readonly listener: GatewayListener } | undefined {
  for (const gateway of intent.gateways) {
    const listener = gateway.listeners.find((each) => listenerName(gateway, each) === name);
    if (listener !== undefined) return { gateway, listener };
  }
  return undefined;
}

function findRule(intent: Intent, gateway: Gateway, name: string): RuleOrigin | undefined {
  for (const route of intent.routes) {
    const rule = route.rules.find((each) => envoyRouteName(route, each) === name);
    if (rule !== undefined) return ruleOrigin(gateway, route, rule);
  }
  return undefined;
}

function ruleOrigin(gateway: Gateway, route: Route, rule: Rule): RuleOrigin {
  const { split } = rule.target;
  const { timeouts, retry } = effectivePolicy(gateway, route, rule);
  const names = { gateway: gateway.name, route: route.name, rule: rule.name };
  const origin = ({ at, from }: EffectivePart): Origin =>
    from.kind === "inline"
      ? { at }
      : { at, origin: `policy ${from.policy}, attached to ${from.level} ${names[from.level]}` };
  return {
    at: rule.at,
    routeAt: route.at,
    ...(split === undefined ? {} : { split: { name: split.name, at: split.definedAt } }),
    ...(timeouts?.value.requestMs === undefined ? {} : { timeout: origin(timeouts) }),
    ...(timeouts?.value.idleMs === undefined ? {} : { idleTimeout: origin(timeouts) }),
    ...(retry === undefined ? {} : { retry: origin(retry) }),
  };
}
