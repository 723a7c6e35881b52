/**
 * One intent from the parts of all documents: absent lists of groups and gateways become all of them, names
 * of splits become backends, and names of policies become policies.
 *
 * A gateway or route that resolves as it did the time before stays the same object, so that what later
 * stages made of it can be used again.
 */
import { present } from "../support/assert.ts";
import { sameItems } from "../support/same-content.ts";
import type { DocumentParts } from "./build-document.ts";
import type { DraftGateway } from "./build-nodes.ts";
import type { DraftL4Route } from "./build-l4-route.ts";
import type { DraftAttachment } from "./build-policy.ts";
import type { DraftRoute, DraftRule } from "./build-route.ts";
import { DEFAULT_GROUP } from "./check-references.ts";
import type { Place } from "./diagnostic.ts";
import type { ImpliedRoutes } from "./implied-routes.ts";
import { impliedRoutes } from "./implied-routes.ts";
import type { InstanceIndex } from "./instance-index.ts";
import type { Gateway } from "./intent-gateway.ts";
import type { L4Route } from "./intent-l4-route.ts";
import type { AttachedPolicy, Policy } from "./intent-policy.ts";
import type { Backend, Route, Rule, RuleTarget } from "./intent-route.ts";
import type { Secret } from "./intent-secret.ts";
import type { Service } from "./intent-service.ts";
import type { Split } from "./intent-split.ts";
import type { Intent, NodeGroup, RawResource } from "./intent.ts";
import type { LiveMemo, LiveWeights } from "./live-weights.ts";
import { withLiveWeights } from "./live-weights.ts";
import { comparePlaces } from "./merge-documents.ts";
import type { RegisteredMemo } from "./registered-services.ts";
import { createRegisteredMemo, withInstances } from "./registered-services.ts";
import type { SecretMemo } from "./resolve-secrets.ts";
import { byName, defined } from "./sort.ts";
import { SortedItems } from "./sorted-items.ts";

/** What drafts resolved to the last time; keep it between calls. */
export interface ResolvedDrafts {
  readonly gateways: Resolved<DraftGateway, Gateway>;
  readonly routes: Resolved<DraftRoute, Route>;
  readonly implied: ImpliedRoutes;
  readonly secrets: SecretMemo;
  /** By the parts of a file; `parseIntent` forgets a file when a name that it uses may mean something else. */
  readonly files: WeakMap<readonly DocumentParts[], ResolvedFile>;
  readonly registered: RegisteredMemo;
  readonly splits: LiveMemo;
  readonly sortedServices: SortedItems<Service>;
  readonly sortedRoutes: SortedItems<Route>;
}

/** What the drafts of one file are, and what the lists that they may mean whole were then. */
interface ResolvedFile {
  readonly gateways: readonly Gateway[];
  readonly routes: readonly Route[];
  readonly l4Routes: readonly L4Route[];
  readonly allGroups: readonly string[];
  readonly allGateways: readonly string[];
  /** With the weights that they had. */
  readonly splits: readonly Split[];
}

/** For each draft its result, and what of other documents that was made of. */
type Resolved<Draft extends object, Result> = WeakMap<
  Draft,
  { readonly result: Result; readonly madeOf: readonly unknown[] }
>;

/** What drafts name and other documents define. */
interface Named {
  readonly groups: readonly string[];
  readonly gateways: readonly string[];
  readonly splits: ReadonlyMap<string, Split>;
  readonly policies: ReadonlyMap<string, Policy>;
  /** By `service|subset`. */
  readonly fallbacks: ReadonlySet<string>;
}

/** With nothing resolved yet. */
export function createResolvedDrafts(): ResolvedDrafts {
  return {
    gateways: new WeakMap(),
    routes: new WeakMap(),
    implied: new WeakMap(),
    secrets: new WeakMap(),
    files: new WeakMap(),
    registered: createRegisteredMemo(),
    splits: new WeakMap(),
    sortedServices: new SortedItems(),
    sortedRoutes: new SortedItems(),
  };
}

/** Resolves the parts of each file; every reference of theirs is known to be defined. */
export function resolveIntent(
  files: readonly (readonly DocumentParts[])[],
  {
    secrets,
    instances,
    live,
  }: {
    readonly secrets: readonly Secret[];
    readonly instances: InstanceIndex | undefined;
    readonly live: ReadonlyMap<string, LiveWeights>;
  },
  before: ResolvedDrafts,
): Intent {
  const parts = files.flat();
  const groups = resolveGroups(parts);
  const splits = parts.flatMap((part) =>
    part.splits.map((split) => withLiveWeights(split, live.get(split.name), before.splits)),
  );
  const named: Named = {
    groups: groups.map((group) => group.name),
    gateways: parts.flatMap((part) => part.gateways.map((gateway) => gateway.name)).toSorted(),
    splits: new Map(splits.map((split) => [split.name, split])),
    policies: new Map(parts.flatMap((part) => part.policies.map((policy) => [policy.name, policy]))),
    fallbacks: new Set(parts.flatMap((part) => part.services.flatMap(subsetsWithFallback))),
  };
  const resolved = files.map((file) => resolveFile(file, named, before));
  const gateways = resolved.flatMap((file) => file.gateways).toSorted(byName);
  const services = before.sortedServices.update(
    parts.map((part) => withInstances(part.services, instances, before.registered)),
  );
  const routes = resolved.map((file) => file.routes);
  const implied = impliedRoutes(
    { gateways, routes: routes.flat() },
    () => new Set(services.map(({ name }) => name)),
    before.implied,
  );
  return {
    groups,
    gateways,
    services,
    routes: before.sortedRoutes.update([...routes, implied]),
    l4Routes: resolved.flatMap((file) => file.l4Routes).toSorted(byName),
    splits: splits.toSorted(byName),
    secrets: secrets.toSorted(byName),
    rawResources: parts.flatMap((part) => part.rawResources.map((item) => item.resource)).toSorted(byTypeAndName),
    patches: parts.flatMap((part) => part.patches).toSorted((left, right) => comparePlaces(left.at, right.at)),
  };
}

function resolveFile(parts: readonly DocumentParts[], named: Named, before: ResolvedDrafts): ResolvedFile {
  const known = before.files.get(parts);
  const { groups: allGroups, gateways: allGateways } = named;
  const splits = usedSplits(parts, named);
  const isSame =
    known !== undefined &&
    sameItems(known.allGroups, allGroups) &&
    sameItems(known.allGateways, allGateways) &&
    sameItems(known.splits, splits);
  if (isSame) return known;
  const gateways = parts.flatMap((part) => part.gateways.map((draft) => resolveGateway(draft, named, before.gateways)));
  const routes = parts.flatMap((part) => part.routes.map((draft) => resolveRoute(draft, named, before.routes)));
  const l4Routes = parts.flatMap((part) => part.l4Routes.map((draft) => resolveL4Route(draft, named)));
  const resolved = { gateways, routes, l4Routes, allGroups, allGateways, splits };
  before.files.set(parts, resolved);
  return resolved;
}

/** What the routes of a file share their requests by. */
function usedSplits(parts: readonly DocumentParts[], { splits }: Named): readonly Split[] {
  if (splits.size === 0) return [];
  const targets = parts.flatMap(({ routes, l4Routes }) => [
    ...routes.flatMap(({ rules }) => rules.map(({ target }) => target)),
    ...l4Routes.map(({ target }) => target),
  ]);
  return targets.flatMap(({ split }) => (split === undefined ? [] : (splits.get(split.name) ?? [])));
}

function resolveGroups(parts: readonly DocumentParts[]): readonly NodeGroup[] {
  const groups = parts.flatMap((part) => part.groups).toSorted(byName);
  if (groups.length > 0) return groups;
  const files = parts.map((part) => part.document.text.file).toSorted();
  const at: Place = { file: files[0] ?? "", line: 1, column: 1 };
  return [{ name: DEFAULT_GROUP, at, match: {}, consistency: "strict", removalGuard: { mode: "on" }, updates: {} }];
}

function resolveGateway(draft: DraftGateway, named: Named, before: ResolvedDrafts["gateways"]): Gateway {
  const groups = draft.groups ?? named.groups;
  const policies = resolvePolicies(draft.policies, named);
  return once(before, draft, [...groups, ...policies.map(({ policy }) => policy)], () => ({
    ...draft,
    groups,
    policies,
  }));
}

function resolveRoute(draft: DraftRoute, named: Named, before: ResolvedDrafts["routes"]): Route {
  const gateways = draft.gateways ?? named.gateways;
  const policies = resolvePolicies(draft.policies, named);
  const rules = draft.rules.map((rule): Rule => ({
    ...rule,
    target: resolveTarget(rule.target, named),
    policies: resolvePolicies(rule.policies, named),
  }));
  const madeOf = [
    ...gateways,
    // Backends and policies are made with their document, so the same object is the same content.
    ...rules.flatMap(({ target }) => [target.backends, target.mirror]),
    ...[...policies, ...rules.flatMap((rule) => rule.policies)].map(({ policy }) => policy),
  ];
  return once(before, draft, madeOf, () => ({ ...draft, gateways, policies, rules }));
}

function resolveL4Route(draft: DraftL4Route, named: Named): L4Route {
  return { ...draft, gateways: draft.gateways ?? named.gateways, target: resolveTarget(draft.target, named) };
}

/** What the draft resolved to before if it was made of the same, else what is made now. */
function once<Draft extends object, Result>(
  before: Resolved<Draft, Result>,
  draft: Draft,
  madeOf: readonly unknown[],
  make: () => Result,
): Result {
  const known = before.get(draft);
  const same = known?.madeOf.length === madeOf.length && known.madeOf.every((part, index) => part === madeOf[index]);
  if (same) return known.result;
  const result = make();
  before.set(draft, { result, madeOf });
  return result;
}

function resolveTarget({ split, backends }: DraftRule["target"], { splits, fallbacks }: Named): RuleTarget {
  if (split === undefined) return { backends: withFallbacks(backends, fallbacks) };
  const definition = present(splits.get(split.name), "checkReferences has found the split");
  return {
    split: { ...split, definedAt: definition.at, ...defined({ sticky: definition.sticky, watch: definition.watch }) },
    backends: withFallbacks(definition.backends, fallbacks),
    ...defined({ mirror: definition.mirror }),
  };
}

/** The same list when none has one, so that it is recognised. */
function withFallbacks(backends: readonly Backend[], fallbacks: ReadonlySet<string>): readonly Backend[] {
  const has = ({ service, subset }: Backend): boolean => subset !== undefined && fallbacks.has(`${service}|${subset}`);
  if (fallbacks.size === 0 || !backends.some(has)) return backends;
  return backends.map((backend) => (has(backend) ? { ...backend, hasFallback: true } : backend));
}

function subsetsWithFallback({ name, subsets }: Service): readonly string[] {
  return subsets.flatMap((subset) => (subset.fallbacks === undefined ? [] : [`${name}|${subset.name}`]));
}

function resolvePolicies(
  attachments: readonly DraftAttachment[],
  { policies }: Pick<Named, "policies">,
): readonly AttachedPolicy[] {
  return attachments.map(({ name, at }) => ({
    at,
    policy: present(policies.get(name), "checkReferences has found the policy"),
  }));
}

function byTypeAndName(left: RawResource, right: RawResource): number {
  if (left.typeUrl !== right.typeUrl) return left.typeUrl < right.typeUrl ? -1 : 1;
  return byName(left, right) || comparePlaces(left.at, right.at);
}
