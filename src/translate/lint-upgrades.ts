/**
 * Warnings about listeners that offer to change protocols over HTTP/2, and have no rule that allows it.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Intent } from "../model/intent.ts";
import { effectivePart } from "./effective-policy.ts";
import { isAttached, routesOn } from "./group-scope.ts";
import { listenerName } from "./names.ts";

/** Told once for each listener; nothing when nobody wrote the word. */
export function lintUpgrades({ gateways, routes }: Intent): readonly Diagnostic[] {
  return gateways.flatMap((gateway) =>
    gateway.listeners
      .filter(({ extendedConnect }) => extendedConnect === true)
      .filter((listener) => !allowsAny(gateway, listener, routes))
      .map((listener): Diagnostic => ({
        code: "no-upgrade-allowed",
        severity: "warning",
        message: `\`${listenerName(gateway, listener)}\` takes WebSockets over HTTP/2, and no rule allows any: each is answered with 403`,
        at: listener.at,
        hint: "write `upgrades: [websocket]` at a rule or in a policy, or remove `extendedConnect`",
      })),
  );
}

function allowsAny(gateway: Gateway, listener: GatewayListener, routes: Intent["routes"]): boolean {
  return routesOn(gateway, routes)
    .filter((route) => isAttached(route, gateway, listener))
    .some((route) =>
      route.rules.some(
        (rule) =>
          rule.connect === undefined && (effectivePart("upgrades", gateway, route, rule)?.value.types.length ?? 0) > 0,
      ),
    );
}
