/**
 * One intent from the parts of all documents: absent lists of groups and gateways become all of them, and
 * splits become backends.
 */
import { present } from "../support/assert.ts";
import type { DocumentParts } from "./build-document.ts";
import type { DraftGateway } from "./build-nodes.ts";
import { DEFAULT_GROUP } from "./check-references.ts";
import type { Place } from "./diagnostic.ts";
import type { Backend, Gateway, Intent, NodeGroup, RawResource, Route } from "./intent.ts";
import { comparePlaces } from "./merge-documents.ts";
import { byName } from "./sort.ts";

/** Resolves; every reference of the parts is known to be defined. */
export function resolveIntent(parts: readonly DocumentParts[]): Intent {
  const groups = resolveGroups(parts);
  const groupNames = groups.map((group) => group.name);
  const gateways = parts.flatMap((part) => part.gateways.map((gateway) => resolveGateway(gateway, groupNames)));
  const gatewayNames = gateways.map((gateway) => gateway.name).toSorted();
  const splits = new Map(parts.flatMap((part) => part.splits));
  const routes = parts.flatMap((part) =>
    part.routes.map((route): Route => ({
      ...route,
      gateways: route.gateways ?? gatewayNames,
      rules: route.rules.map((rule) => ({ ...rule, target: resolveTarget(rule.target, splits) })),
    })),
  );
  return {
    groups,
    gateways: gateways.toSorted(byName),
    services: parts.flatMap((part) => part.services).toSorted(byName),
    routes: routes.toSorted(byName),
    rawResources: parts.flatMap((part) => part.rawResources.map((item) => item.resource)).toSorted(byTypeAndName),
  };
}

function resolveGroups(parts: readonly DocumentParts[]): readonly NodeGroup[] {
  const groups = parts.flatMap((part) => part.groups).toSorted(byName);
  if (groups.length > 0) return groups;
  const files = parts.map((part) => part.document.text.file).toSorted();
  const at: Place = { file: files[0] ?? "", line: 1, column: 1 };
  return [{ name: DEFAULT_GROUP, at, match: {}, consistency: "strict", removalGuard: { mode: "on" }, updates: {} }];
}

function resolveGateway(gateway: DraftGateway, groupNames: readonly string[]): Gateway {
  return { ...gateway, groups: gateway.groups ?? groupNames };
}

function resolveTarget(
  target: Route["rules"][number]["target"],
  splits: ReadonlyMap<string, readonly Backend[]>,
): Route["rules"][number]["target"] {
  if (target.split === undefined) return target;
  const backends = present(splits.get(target.split), "checkReferences has found the split");
  return { split: target.split, backends };
}

function byTypeAndName(left: RawResource, right: RawResource): number {
  if (left.typeUrl !== right.typeUrl) return left.typeUrl < right.typeUrl ? -1 : 1;
  return byName(left, right) || comparePlaces(left.at, right.at);
}
