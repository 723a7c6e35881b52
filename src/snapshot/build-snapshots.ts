/**
 * Intent → one snapshot for each node group, or everything that is wrong with it.
 *
 * All or nothing: a single error keeps the whole intent from being served. What did not change is shared
 * with the build before, down to the object: a resource, a table, or the snapshot itself.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Intent, NodeGroup } from "../model/intent.ts";
import { brand } from "../support/brand.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { EnvoyResource, GroupResources } from "../translate/envoy-resource.ts";
import { translate } from "../translate/translate.ts";
import { applyPatches } from "./apply-patches.ts";
import { checkAddresses } from "./check-addresses.ts";
import { checkConsistency } from "./consistency.ts";
import type { ResourceEncoder } from "./encode-resource.ts";
import type { GroupBuild } from "./group-build.ts";
import { firstBuild, nextBuild } from "./group-build.ts";
import type { Resource } from "./resource.ts";
import type { GroupName, Snapshot, SnapshotCause, TypeTable, UpdatePolicy } from "./snapshot.ts";
import { createSnapshot, createTable } from "./snapshot.ts";
import { resourceType, typeUrls } from "./type-url.ts";
import { updatePolicy } from "./update-policy.ts";
import { createNameFinder } from "./written-names.ts";

/** What a build starts from. */
export interface BuildInput {
  readonly intent: Intent;
  readonly encoder: ResourceEncoder;
  readonly cause: SnapshotCause;
  /** The snapshots of the build before, to share what did not change. */
  readonly previous?: ReadonlyMap<GroupName, Snapshot>;
}

/** What a build gives when nothing is wrong; warnings do not keep it from being served. */
export interface BuiltSnapshots {
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
  readonly warnings: readonly Diagnostic[];
}

/** Builds every group's snapshot. A group whose content and policy did not change keeps its old snapshot, with its old cause. */
export function buildSnapshots(input: BuildInput): Result<BuiltSnapshots, readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  const snapshots = new Map<GroupName, Snapshot>();
  const encode = encodeOnce(input.encoder, diagnostics);
  const translated = translate(input.intent, input.encoder.translated);
  const { api, patched: memo } = input.encoder;
  const patched = applyPatches({ api, memo, patches: input.intent.patches }, translated);
  diagnostics.push(...patched.diagnostics);
  const taken: (() => void)[] = [];
  let isWhole = true;
  for (const { group, resources } of patched.groups) {
    const name = brand<GroupName>(group.name);
    const before = input.previous?.get(name);
    const known = before === undefined ? undefined : input.encoder.builds.get(before);
    const next = known === undefined ? undefined : nextBuild(known, resources, input.encoder);
    const whole =
      next === undefined
        ? buildWhole({ group, resources, before, intent: input.intent }, encode, diagnostics)
        : undefined;
    const build = next?.build ?? whole?.build;
    const tables = next?.build.tables ?? whole?.tables ?? new Map<string, TypeTable>();
    isWhole &&= next === undefined;
    diagnostics.push(...checkAddresses(tables.get(typeUrls.listener), api));
    const snapshot = buildSnapshot({ group, tables, before }, input);
    snapshots.set(name, snapshot);
    taken.push(() => {
      next?.take();
      if (before !== undefined) input.encoder.builds.delete(before);
      if (build !== undefined) input.encoder.builds.set(snapshot, build);
    });
  }
  if (isWhole) input.encoder.endBuild();
  const reported = withoutRepeats(diagnostics);
  if (reported.some((diagnostic) => diagnostic.severity === "error")) return err(reported);
  for (const take of taken) take();
  return ok({ snapshots, warnings: reported });
}

/** Goes through all resources of a group; where something is to be told, the next build has to tell it again. */
function buildWhole(
  whole: GroupResources & { readonly before: Snapshot | undefined; readonly intent: Intent },
  encode: (resource: EnvoyResource) => Resource | undefined,
  diagnostics: Diagnostic[],
): { readonly tables: ReadonlyMap<string, TypeTable>; readonly build: GroupBuild | undefined } {
  const { group, resources, before } = whole;
  const encoded: Resource[] = [];
  // What could not be encoded is told as that, and not once more by all that refer to it.
  const broken: EnvoyResource[] = [];
  for (const resource of distinct(resources, diagnostics)) {
    const result = encode(resource);
    if (result === undefined) broken.push(resource);
    else encoded.push(result);
  }
  const tables = buildTables(encoded, before);
  const { consistency } = group;
  const names = createNameFinder(group, whole.intent);
  const dangling = checkConsistency(tables, { group: group.name, consistency, broken, names });
  diagnostics.push(...dangling);
  return { tables, build: dangling.length === 0 ? firstBuild(resources, tables) : undefined };
}

/** Encodes; the problems of a resource that several groups share are reported once, and it is undefined. */
function encodeOnce(
  encoder: ResourceEncoder,
  diagnostics: Diagnostic[],
): (resource: EnvoyResource) => Resource | undefined {
  const broken = new Set<EnvoyResource>();
  return (resource) => {
    if (broken.has(resource)) return undefined;
    const result = encoder.encode(resource);
    if (result.ok) return result.value;
    diagnostics.push(...result.error);
    broken.add(resource);
    return undefined;
  };
}

/** The first resource of each type and name; the others are reported. */
function distinct(resources: readonly EnvoyResource[], diagnostics: Diagnostic[]): readonly EnvoyResource[] {
  const byType = new Map<string, Map<string, EnvoyResource>>();
  const first: EnvoyResource[] = [];
  for (const resource of resources) {
    const { typeUrl, name } = resource;
    if (resourceType(typeUrl) === undefined) {
      diagnostics.push(notDelivered(resource));
      continue;
    }
    const ofType = byType.get(typeUrl) ?? new Map<string, EnvoyResource>();
    byType.set(typeUrl, ofType);
    const other = ofType.get(name);
    if (other !== undefined) {
      diagnostics.push(duplicate(resource, other));
      continue;
    }
    ofType.set(name, resource);
    first.push(resource);
  }
  return first;
}

function duplicate(resource: EnvoyResource, first: EnvoyResource): Diagnostic {
  const { shortName } = resourceType(resource.typeUrl) ?? { shortName: resource.typeUrl };
  return {
    code: "duplicate-name",
    severity: "error",
    message: `the ${shortName} resource "${resource.name}" is defined twice`,
    at: resource.at,
    related: { at: first.at, message: "first defined here" },
  };
}

function notDelivered(resource: EnvoyResource): Diagnostic {
  return {
    code: "unsupported-resource-type",
    severity: "error",
    message: `xDS does not deliver resources of type ${resource.typeUrl}`,
    at: resource.at,
  };
}

function buildTables(resources: readonly Resource[], before: Snapshot | undefined): ReadonlyMap<string, TypeTable> {
  const byType = Map.groupBy(resources, (resource) => resource.typeUrl);
  const tables = new Map<string, TypeTable>();
  for (const [typeUrl, ofType] of byType) {
    const old = before?.tables.get(typeUrl);
    tables.set(typeUrl, old !== undefined && holdsExactly(old, ofType) ? old : createTable(typeUrl, ofType));
  }
  return tables;
}

/** By identity: a resource whose place moved is a new object, so that diagnostics never name an old line. */
function holdsExactly(table: TypeTable, resources: readonly Resource[]): boolean {
  return (
    table.resources.size === resources.length &&
    resources.every((resource) => table.resources.get(resource.name) === resource)
  );
}

function buildSnapshot(
  built: {
    readonly group: NodeGroup;
    readonly tables: ReadonlyMap<string, TypeTable>;
    readonly before: Snapshot | undefined;
  },
  input: BuildInput,
): Snapshot {
  const { group, tables, before } = built;
  const updates = updatePolicy(group, input.intent);
  const snapshot = createSnapshot(brand<GroupName>(group.name), tables, { updates, cause: input.cause });
  if (before === undefined || before.version !== snapshot.version) return snapshot;
  const shared = [...snapshot.tables].every(([typeUrl, table]) => sameTable(before.tables.get(typeUrl), table));
  if (shared && samePolicy(before.updates, updates)) return before;
  return { ...snapshot, cause: before.cause };
}

function sameTable(before: TypeTable | undefined, table: TypeTable): boolean {
  return before === table || (before?.resources.size === 0 && table.resources.size === 0);
}

function samePolicy(a: UpdatePolicy, b: UpdatePolicy): boolean {
  return (
    a.graceMs === b.graceMs && a.deadlineMs === b.deadlineMs && a.onDeadline === b.onDeadline && a.drainMs === b.drainMs
  );
}

/** Groups that share gateways and raw resources find the same duplicates. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Map(diagnostics.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic]));
  return [...seen.values()];
}
