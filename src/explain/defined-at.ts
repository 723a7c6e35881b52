/**
 * Where the config defines an Envoy resource, by the resource's name: the place that a patch takes from it.
 */
import type { Place } from "../model/diagnostic.ts";
import type { Intent } from "../model/intent.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import {
  clusterName,
  fallbackClusterName,
  http3ListenerName,
  listenerName,
  mirrorClusterName,
  sharedListenerName,
} from "../translate/names.ts";

/** Undefined for a type that no block of the config stands for. */
export function definedAt(
  intent: Intent,
  group: string,
  { typeUrl, name }: { readonly typeUrl: string; readonly name: string },
): Place | undefined {
  const raw = intent.rawResources.find(
    (each) => each.typeUrl === typeUrl && each.name === name && (each.groups?.includes(group) ?? true),
  );
  if (raw !== undefined) return raw.at;
  if (typeUrl === typeUrls.cluster || typeUrl === typeUrls.endpoints) return serviceAt(intent, name);
  if (typeUrl === typeUrls.listener || typeUrl === typeUrls.route) return listenerAt(intent, group, name);
  return undefined;
}

function serviceAt(intent: Intent, name: string): Place | undefined {
  for (const service of intent.services) {
    if (clusterName(service.name) === name || mirrorClusterName(service.name) === name) return service.at;
    const subset = service.subsets.find((each) =>
      [clusterName, fallbackClusterName, mirrorClusterName].some((naming) => naming(service.name, each.name) === name),
    );
    if (subset !== undefined) return subset.at;
  }
  return undefined;
}

/** Of an Envoy listener that several share the first of them. */
function listenerAt(intent: Intent, group: string, name: string): Place | undefined {
  for (const gateway of intent.gateways.filter(({ groups }) => groups.includes(group))) {
    const found = [...gateway.listeners, ...gateway.l4Listeners].find(
      (each) =>
        listenerName(gateway, each) === name ||
        (each.http3 !== undefined && http3ListenerName(each.address ?? "0.0.0.0", each.port) === name) ||
        ((each.tls !== undefined || ("protocol" in each && each.protocol === "TLS")) &&
          sharedListenerName(each.address ?? "0.0.0.0", each.port) === name),
    );
    if (found !== undefined) return found.at;
  }
  return undefined;
}
