/**
 * What a change of the config would do to one group of Envoys: which resources differ and in what, what Envoys do with
 * each, how much they are sent, and whether the guard would hold it.
 *
 * What is there now may be known from a running server, by names and versions alone; contents are asked for where an
 * answer depends on them. Nothing here reads files or asks anybody, so the same code compares two directories.
 */
import type { Place } from "../model/diagnostic.ts";
import type { JsonValue, NodeGroup } from "../model/intent.ts";
import type { Effect, LiveShare } from "./change-effects.ts";
import { contentOf, effectsOf } from "./change-effects.ts";
import type { DeliveryChange } from "./delivery-change.ts";
import { deliveryChange } from "./delivery-change.ts";
import type { TableDiff } from "./diff.ts";
import { diffSnapshots } from "./diff.ts";
import type { ExtensionChange } from "./extension-marks.ts";
import { extensionChanges } from "./extension-marks.ts";
import type { FieldChange, JsonMap } from "./field-changes.ts";
import { fieldChanges } from "./field-changes.ts";
import type { KnownSnapshot } from "./known-snapshot.ts";
import { addressesOf } from "./listener-effects.ts";
import type { PlanStep } from "./plan-steps.ts";
import { planSteps } from "./plan-steps.ts";
import type { RemovalFinding } from "./removal-guard.ts";
import { checkRemovalFrom, livingNames } from "./removal-guard.ts";
import type { Resource, ResourceName } from "./resource.ts";
import type { Snapshot } from "./snapshot.ts";
import { resourceType, typeUrls } from "./type-url.ts";

/** The content of a resource, secrets concealed; undefined when it is not known. */
export type Contents = (typeUrl: string, name: ResourceName) => JsonValue | undefined;

/** Both sides of one group. */
export interface PlanInput {
  /** Absent for a group that is new. */
  readonly before: KnownSnapshot | undefined;
  readonly after: Snapshot;
  readonly contentBefore: Contents;
  readonly contentAfter: Contents;
  readonly guard: NodeGroup["removalGuard"];
  /** Of so many resources of a type that change the content is looked at; each costs decoding twice. */
  readonly contentsMax: number;
  /** The line of one rule in a route configuration, or of a filter that it has, by Envoy's names of them. */
  lineOf?(routeConfiguration: string, envoyRoute: string, filter?: string): Place | undefined;
  /** What was set for the splits that send requests to a cluster; nothing without a server. */
  liveSharesOf?(cluster: string): readonly LiveShare[];
}

/** A field, and the line of its rule when it is in one. */
export interface PlannedField extends FieldChange {
  readonly at?: Place;
}

/** One resource that comes, changes or goes. */
export interface PlannedChange {
  readonly kind: "added" | "changed" | "removed";
  readonly typeUrl: string;
  readonly name: ResourceName;
  /** The line that causes what it will be; of one that goes, what it was. */
  readonly at: Place;
  readonly fields: readonly PlannedField[];
  /** The message differs, and nothing of it that may be shown. */
  readonly isConcealed: boolean;
  readonly effects: readonly Effect[];
  readonly extensions: readonly ExtensionChange[];
}

/** What would become of one group. */
export interface GroupPlan {
  readonly group: string;
  readonly from: string | undefined;
  readonly to: string;
  /** By type, in the order in which they are sent; within one: added, changed, removed. */
  readonly changes: readonly PlannedChange[];
  /** Of all that is new or differs, as each node gets it. */
  readonly bytes: number;
  /** Empty unless the guard would hold it. */
  readonly held: readonly RemovalFinding[];
  readonly steps: readonly PlanStep[];
}

/** The plan of one group; without changes when it has this version already. */
export function planGroup(input: PlanInput): GroupPlan {
  const { before, after, guard } = input;
  const diffs = diffSnapshots(before, after);
  const context = contextOf(input, diffs);
  const removal = before === undefined ? undefined : checkRemovalFrom(livingNames(before), after, guard);
  return {
    group: after.group,
    from: before?.version,
    to: after.version,
    changes: diffs.flatMap((diff) => changesOf(diff, input, context)),
    bytes: bytesOf(diffs, after),
    held: removal?.kind === "held" ? removal.findings : [],
    steps: planSteps(diffs, after.updates),
  };
}

/** Which contents of what is there now a plan looks at, so that they can be fetched beforehand; names are sorted. */
export function wantedContents(
  before: KnownSnapshot,
  after: Snapshot,
  contentsMax: number,
): readonly { readonly typeUrl: string; readonly names: readonly ResourceName[] }[] {
  return diffSnapshots(before, after).map(({ typeUrl, changed, removed }) => ({
    typeUrl,
    names: [
      ...changed.slice(0, contentsMax),
      ...(showsAlways(typeUrl) ? removed.slice(0, contentsMax) : []),
    ].toSorted(),
  }));
}

/** Of listeners it is told where they listen, of both which code comes and goes with them. */
function showsAlways(typeUrl: string): boolean {
  return typeUrl === typeUrls.listener || typeUrl === typeUrls.route;
}

type Context = Parameters<typeof effectsOf>[1];

function contextOf({ contentAfter, liveSharesOf = () => [] }: PlanInput, diffs: readonly TableDiff[]): Context {
  const come = diffs.find(({ typeUrl }) => typeUrl === typeUrls.listener)?.added ?? [];
  let heirs: ReadonlyMap<string, string> | undefined;
  const heirsOnce = (): ReadonlyMap<string, string> =>
    (heirs ??= new Map(
      come.flatMap((name) => {
        const content = contentOf(contentAfter(typeUrls.listener, name));
        return content === undefined ? [] : addressesOf(content).map((address): [string, string] => [address, name]);
      }),
    ));
  return {
    liveSharesOf,
    cluster: (name) => contentOf(contentAfter(typeUrls.cluster, name as ResourceName)),
    heirOf: (listener) => {
      const own = listener === undefined ? [] : addressesOf(listener);
      const heirNames = own.map((address) => heirsOnce().get(address));
      return heirNames.length > 0 && heirNames.every((name) => name !== undefined) ? heirNames[0] : undefined;
    },
  };
}

function changesOf(diff: TableDiff, input: PlanInput, context: Context): readonly PlannedChange[] {
  const { typeUrl, added, changed, removed } = diff;
  const each = (kind: PlannedChange["kind"], names: readonly ResourceName[]) =>
    names.map((name, index) =>
      plannedChange({ typeUrl, kind, name }, input, {
        context,
        isLookedAt: index < input.contentsMax && (kind === "changed" || showsAlways(typeUrl)),
      }),
    );
  return [...each("added", added), ...each("changed", changed), ...each("removed", removed)];
}

function plannedChange(
  what: Pick<PlannedChange, "typeUrl" | "kind" | "name">,
  input: PlanInput,
  { context, isLookedAt }: { readonly context: Context; readonly isLookedAt: boolean },
): PlannedChange {
  const { typeUrl, kind, name } = what;
  const isThere = kind !== "removed";
  const before = kind === "added" || !isLookedAt ? undefined : contentOf(input.contentBefore(typeUrl, name));
  const after = isThere && isLookedAt ? contentOf(input.contentAfter(typeUrl, name)) : undefined;
  const fields = before === undefined || after === undefined ? [] : fieldChanges(before, after);
  const table = (isThere ? input.after : input.before)?.tables.get(typeUrl);
  const delivery = deliveryOf(what, input);
  return {
    ...what,
    at: table?.resources.get(name)?.at ?? { file: "", line: 1, column: 1 },
    fields: fields.map((field) => placed(field, what, input)),
    isConcealed: before !== undefined && after !== undefined && fields.length === 0 && delivery?.isAll !== true,
    effects: effectsOf({ typeUrl, kind, before, after, fields, delivery }, context),
    extensions: marksOf(typeUrl, before, after),
  };
}

function deliveryOf(
  { typeUrl, name }: Pick<PlannedChange, "typeUrl" | "name">,
  input: PlanInput,
): DeliveryChange | undefined {
  const before = input.before?.tables.get(typeUrl)?.resources.get(name);
  const after = input.after.tables.get(typeUrl)?.resources.get(name);
  return before === undefined || after === undefined ? undefined : deliveryChange(before, after);
}

/** Of a group that is new as well: whoever reviews it wants to see what it runs. */
function marksOf(typeUrl: string, before: JsonMap | undefined, after: JsonMap | undefined): readonly ExtensionChange[] {
  if (typeUrl !== typeUrls.listener && typeUrl !== typeUrls.route && typeUrl !== typeUrls.extension) return [];
  return extensionChanges(before, after);
}

/** What stands in a route of its own is written at its rule, and the settings of its filters at the filter. */
function placed(
  field: FieldChange,
  { typeUrl, name }: Pick<PlannedChange, "typeUrl" | "name">,
  { lineOf }: PlanInput,
): PlannedField {
  const [, route, inRoute = ""] =
    (typeUrl === typeUrls.route ? /\.routes\[([^\]]+)\](.*)/s.exec(field.path) : undefined) ?? [];
  const filter = /^\.typed_per_filter_config\.(envoy\.filters\.http\.\w+)/.exec(inRoute)?.[1];
  const at = route === undefined ? undefined : lineOf?.(name, route, filter);
  return at === undefined ? field : { ...field, at };
}

/** A cluster that differs is sent with its load assignment, or Envoy would wait for it. */
function bytesOf(diffs: readonly TableDiff[], after: Snapshot): number {
  const sent = new Set<Resource>();
  for (const { typeUrl, added, changed } of diffs) {
    for (const name of [...added, ...changed]) {
      const resource = after.tables.get(typeUrl)?.resources.get(name);
      if (resource === undefined) continue;
      sent.add(resource);
      if (typeUrl !== typeUrls.cluster) continue;
      const hosts = after.tables.get(typeUrls.endpoints)?.resources.get(name);
      if (hosts !== undefined) sent.add(hosts);
    }
  }
  return [...sent].reduce((sum, { body }) => sum + body.byteLength, 0);
}

/** `clusters`: the word for a type. */
export function typeWord(typeUrl: string): string {
  return resourceType(typeUrl)?.plural ?? typeUrl;
}
