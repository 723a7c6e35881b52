/**
 * Warnings about an intent that is right and may still hurt: what an on-call would want to have known.
 *
 * Each says only what is certain from the files alone, with the numbers, because a warning that is wrong
 * once is not read again. What Envoy does with the numbers was measured with Envoy 1.40. They are found
 * here, not in `model/`, because they depend on the defaults and on the order that `translate` gives to
 * Envoy. They run at every build, so every one of them is linear in the size of the intent.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Intent } from "../model/intent.ts";
import { lintAlternateProtocols } from "./lint-alternate-protocols.ts";
import { lintCalledServices } from "./lint-called-services.ts";
import { lintClaims } from "./lint-claims.ts";
import { lintPriorities } from "./lint-priorities.ts";
import { countHosts } from "./host-counts.ts";
import type { HostCounts } from "./host-counts.ts";
import { lintCircuitBreakers } from "./lint-circuit-breakers.ts";
import { lintDrainTimes } from "./lint-drain-times.ts";
import { lintGrpcClients } from "./lint-grpc-clients.ts";
import { lintGrpcRoutes } from "./lint-grpc-routes.ts";
import { lintL4 } from "./lint-l4.ts";
import { lintLiveLimits } from "./lint-live-limits.ts";
import { lintListeners } from "./lint-listeners.ts";
import { lintLogins } from "./lint-logins.ts";
import { lintOnDemand } from "./lint-on-demand.ts";
import { lintOutlierDetection } from "./lint-outlier-detection.ts";
import { lintRedirected } from "./lint-redirected.ts";
import { lintRetries } from "./lint-retries.ts";
import { createShadowMemo, lintShadowedRules } from "./lint-shadowed-rules.ts";
import type { ShadowMemo } from "./lint-shadowed-rules.ts";
import { lintSplits } from "./lint-splits.ts";
import { lintSubsets } from "./lint-subsets.ts";
import { lintTelemetry } from "./lint-telemetry.ts";
import { lintUpgrades } from "./lint-upgrades.ts";
import { trafficOf } from "./traffic.ts";

/** What was found out the last time about objects that are still the same; keep it between calls. */
export interface LintMemo {
  readonly hosts: HostCounts;
  readonly shadowed: ShadowMemo;
}

/** With nothing known yet. */
export function createLintMemo(): LintMemo {
  return { hosts: new WeakMap(), shadowed: createShadowMemo() };
}

/** All warnings, in no order that means anything; none has its source line yet. */
export function lintIntent(intent: Intent, memo: LintMemo = createLintMemo()): readonly Diagnostic[] {
  const traffic = trafficOf(intent);
  const services = intent.services.map((service) => ({ service, hosts: countHosts(service, memo.hosts) }));
  return [
    ...services.flatMap(({ service, hosts }) => [
      ...lintOutlierDetection({ service, hosts }, traffic),
      ...lintCircuitBreakers({ service, hosts: hosts.serving }, traffic),
      ...lintSubsets({ service, hosts: hosts.serving }, traffic),
    ]),
    ...lintRetries(intent),
    ...lintPriorities(intent),
    ...lintClaims(intent),
    ...lintLogins(intent),
    ...lintListeners(intent),
    ...lintL4(intent),
    ...lintRedirected(intent),
    ...lintAlternateProtocols(intent),
    ...lintUpgrades(intent),
    ...lintDrainTimes(intent),
    ...lintLiveLimits(intent),
    ...lintSplits(intent),
    ...lintOnDemand(intent),
    ...lintGrpcClients(intent),
    ...lintGrpcRoutes(intent),
    ...lintTelemetry(intent),
    ...lintCalledServices(intent),
    ...lintShadowedRules(intent, memo.shadowed),
  ];
}
