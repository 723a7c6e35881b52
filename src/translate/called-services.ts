/**
 * The services that something else than the backends of routes leads to: filters, logs, traces, connections without
 * requests, and whatever raw resources, patches and extensions name.
 */
import { extensionsWithin } from "../model/extensions-within.ts";
import { neededByParts } from "../model/filter-parts.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Route } from "../model/intent-route.ts";
import type { Intent, NodeGroup, RawResource } from "../model/intent.ts";
import { collectPatchTexts, collectTexts } from "../model/json-texts.ts";
import { l4RoutesOn } from "../model/l4-attachments.ts";

/** The services that its filters call, that take its logs and spans, and that get its connections. */
export function servicesOfGateway(gateway: Gateway, { l4Routes }: Intent): readonly string[] {
  const connected = gateway.l4Listeners.flatMap((listener) =>
    l4RoutesOn(gateway, listener, l4Routes).flatMap(({ route }) => route.target.backends.map(({ service }) => service)),
  );
  const receivers = gateway.accessLogs.flatMap(({ sink }) => ("service" in sink ? [sink.service] : []));
  const tracing = gateway.tracing === undefined ? [] : [gateway.tracing.provider.service];
  return [...servicesOfPolicies(gateway), ...receivers, ...tracing, ...connected];
}

/** The services that filters call, for the sake of the policies attached somewhere. */
export function servicesOfPolicies({ policies }: { readonly policies: readonly AttachedPolicy[] }): readonly string[] {
  return policies.flatMap(({ policy }) => neededByParts(policy.httpFilters).services);
}

/**
 * All texts in what is Envoy's own words for the group, but those of routes: too many services do no harm, one too few
 * does.
 */
export function textsOfGroup(
  group: NodeGroup,
  scope: { readonly gateways: readonly Gateway[]; readonly rawResources: readonly RawResource[] },
  { patches }: Intent,
): Set<string> {
  const named = new Set<string>();
  for (const raw of scope.rawResources) collectTexts(raw.json, named);
  for (const patch of patches) {
    if (patch.groups === undefined || patch.groups.includes(group.name)) collectPatchTexts(patch, named);
  }
  for (const gateway of scope.gateways) collectExtensionTexts(gateway, named);
  return named;
}

/** Adds those of the extensions of a gateway or route. */
export function collectExtensionTexts(site: Gateway | Route, found: Set<string>): void {
  for (const { texts } of extensionsWithin(site)) for (const { text } of texts) found.add(text);
}
