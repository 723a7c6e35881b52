/**
 * One intent from the parts of all documents: absent lists of groups and gateways become all of them, and
 * splits become backends.
 *
 * A gateway or route that resolves as it did the time before stays the same object, so that what later
 * stages made of it can be used again.
 */
import { present } from "../support/assert.ts";
import type { DocumentParts } from "./build-document.ts";
import type { DraftGateway } from "./build-nodes.ts";
import type { DraftRoute, DraftRule, SplitDefinition } from "./build-route.ts";
import { DEFAULT_GROUP } from "./check-references.ts";
import type { Place } from "./diagnostic.ts";
import type { Gateway } from "./intent-gateway.ts";
import type { Route, RuleTarget } from "./intent-route.ts";
import type { Secret } from "./intent-secret.ts";
import type { Intent, NodeGroup, RawResource } from "./intent.ts";
import { comparePlaces } from "./merge-documents.ts";
import type { SecretMemo } from "./resolve-secrets.ts";
import { byName } from "./sort.ts";

/** What drafts resolved to the last time; keep it between calls. */
export interface ResolvedDrafts {
  readonly gateways: WeakMap<DraftGateway, Gateway>;
  readonly routes: WeakMap<DraftRoute, Route>;
  readonly secrets: SecretMemo;
}

/** With nothing resolved yet. */
export function createResolvedDrafts(): ResolvedDrafts {
  return { gateways: new WeakMap(), routes: new WeakMap(), secrets: new WeakMap() };
}

/** Resolves; every reference of the parts is known to be defined. */
export function resolveIntent(
  parts: readonly DocumentParts[],
  secrets: readonly Secret[],
  before: ResolvedDrafts,
): Intent {
  const groups = resolveGroups(parts);
  const groupNames = groups.map((group) => group.name);
  const gateways = parts.flatMap((part) =>
    part.gateways.map((draft) => resolveGateway(draft, groupNames, before.gateways)),
  );
  const gatewayNames = gateways.map((gateway) => gateway.name).toSorted();
  const splits = new Map(parts.flatMap((part) => part.splits.map((split) => [split.name, split])));
  const routes = parts.flatMap((part) =>
    part.routes.map((draft) => resolveRoute(draft, { gatewayNames, splits }, before.routes)),
  );
  return {
    groups,
    gateways: gateways.toSorted(byName),
    services: parts.flatMap((part) => part.services).toSorted(byName),
    routes: routes.toSorted(byName),
    secrets: secrets.toSorted(byName),
    rawResources: parts.flatMap((part) => part.rawResources.map((item) => item.resource)).toSorted(byTypeAndName),
    patches: parts.flatMap((part) => part.patches).toSorted((left, right) => comparePlaces(left.at, right.at)),
  };
}

function resolveGroups(parts: readonly DocumentParts[]): readonly NodeGroup[] {
  const groups = parts.flatMap((part) => part.groups).toSorted(byName);
  if (groups.length > 0) return groups;
  const files = parts.map((part) => part.document.text.file).toSorted();
  const at: Place = { file: files[0] ?? "", line: 1, column: 1 };
  return [{ name: DEFAULT_GROUP, at, match: {}, consistency: "strict", removalGuard: { mode: "on" }, updates: {} }];
}

function resolveGateway(
  draft: DraftGateway,
  groupNames: readonly string[],
  before: ResolvedDrafts["gateways"],
): Gateway {
  const groups = draft.groups ?? groupNames;
  const known = before.get(draft);
  if (known !== undefined && sameItems(known.groups, groups)) return known;
  const gateway = { ...draft, groups };
  before.set(draft, gateway);
  return gateway;
}

function resolveRoute(
  draft: DraftRoute,
  named: { readonly gatewayNames: readonly string[]; readonly splits: ReadonlyMap<string, SplitDefinition> },
  before: ResolvedDrafts["routes"],
): Route {
  const gateways = draft.gateways ?? named.gatewayNames;
  const targets = draft.rules.map((rule) => resolveTarget(rule.target, named.splits));
  const known = before.get(draft);
  // Backends are made with their document, so the same list is the same content.
  const sameTargets = known?.rules.every((rule, index) => rule.target.backends === targets[index]?.backends);
  if (known !== undefined && sameTargets === true && sameItems(known.gateways, gateways)) return known;
  const rules = draft.rules.map((rule, index) => ({
    ...rule,
    target: present(targets[index], "every rule has a target"),
  }));
  const route = { ...draft, gateways, rules };
  before.set(draft, route);
  return route;
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function resolveTarget(
  { split, backends }: DraftRule["target"],
  splits: ReadonlyMap<string, SplitDefinition>,
): RuleTarget {
  if (split === undefined) return { backends };
  const definition = present(splits.get(split.name), "checkReferences has found the split");
  return { split: { ...split, definedAt: definition.at }, backends: definition.backends };
}

function byTypeAndName(left: RawResource, right: RawResource): number {
  if (left.typeUrl !== right.typeUrl) return left.typeUrl < right.typeUrl ? -1 : 1;
  return byName(left, right) || comparePlaces(left.at, right.at);
}
