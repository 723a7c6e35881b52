/**
 * `patches`, applied to the resources of each group, in the order in which they are written.
 *
 * A patch that matches nothing is an error and never silent: a renamed service would otherwise lose it with
 * nobody told. A patched resource has the place of its last patch: when an Envoy refuses the resource, the
 * patch is the first suspect, because what Fairway makes alone is accepted.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import { applyPatch } from "rfc6902";
import type { Operation } from "rfc6902";
import { closestName } from "../model/closest-name.ts";
import { deliveredTypes } from "../model/delivered-types.ts";
import type { Diagnostic, Place } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { envoyPage, explainRefused } from "../model/check-raw-resource.ts";
import { examineMessage } from "../model/examine-message.ts";
import type { Patch, PatchStep } from "../model/intent-patch.ts";
import { patchPlaceKey } from "../model/intent-patch.ts";
import type { JsonValue } from "../model/intent.ts";
import type { Path } from "../model/position.ts";
import { formatPath } from "../model/position.ts";
import { present } from "../support/assert.ts";
import type { EnvoyResource, GroupResources } from "../translate/envoy-resource.ts";
import { PatchError, resolvePointer, withJsonNames } from "./patch-names.ts";

type JsonMap = { readonly [key: string]: JsonValue };

/** What patches made of a resource, by the resource's identity; kept from build to build. */
export type PatchMemo = WeakMap<EnvoyResource, readonly Patched[]>;

interface Patched {
  readonly patches: readonly Patch[];
  readonly result: EnvoyResource;
  readonly diagnostics: readonly Diagnostic[];
}

/** The groups with their resources patched, and what is wrong with the patches. */
export function applyPatches(
  input: { readonly api: EnvoyApi; readonly memo: PatchMemo; readonly patches: readonly Patch[] },
  groups: readonly GroupResources[],
): { readonly groups: readonly GroupResources[]; readonly diagnostics: readonly Diagnostic[] } {
  const { api, memo, patches } = input;
  if (patches.length === 0) return { groups, diagnostics: [] };
  const diagnostics: Diagnostic[] = [];
  const patchesOf = patchIndex(patches);
  /** The groups in which each patch has changed something. */
  const matched = new Map<Patch, Set<string>>(patches.map((patch) => [patch, new Set()]));
  const patched = groups.map(({ group, resources }) => ({
    group,
    resources: resources.map((resource) => {
      const applied = patchesOf(group.name, resource);
      if (applied.length === 0) return resource;
      for (const patch of applied) matched.get(patch)?.add(group.name);
      const once = patchOnce(api, memo, resource, applied);
      diagnostics.push(...once.diagnostics);
      return once.result;
    }),
  }));
  return { groups: patched, diagnostics: [...diagnostics, ...unmatched(patched, matched)] };
}

/** Finds the patches of a resource, in the order in which they are applied; nearly every resource has none. */
export function patchIndex(
  patches: readonly Patch[],
): (group: string, resource: Pick<EnvoyResource, "typeUrl" | "name">) => readonly Patch[] {
  const order = new Map(patches.map((patch, place) => [patch, place]));
  const byTarget = Map.groupBy(patches, ({ type, name }) => `${type} ${name}`);
  return (group, { typeUrl, name }) => {
    const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
    const [named, all] = [byTarget.get(`${type} ${name}`), byTarget.get(`${type} *`)];
    if (named === undefined && all === undefined) return [];
    return [...new Set([...(named ?? []), ...(all ?? [])])]
      .filter(({ groups }) => groups === undefined || groups.includes(group))
      .toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  };
}

/** Groups that share a resource share the patched one, and so do builds, as long as the same patches apply. */
function patchOnce(api: EnvoyApi, memo: PatchMemo, resource: EnvoyResource, patches: readonly Patch[]): Patched {
  const before = memo.get(resource) ?? [];
  const same = before.find(
    (known) => known.patches.length === patches.length && known.patches.every((patch, i) => patch === patches[i]),
  );
  if (same !== undefined) return same;
  const patched = patchResource(api, resource, patches);
  // Old patches are let go: a resource has as many lists of patches at a time as there are groups.
  memo.set(resource, [...before.slice(-7), patched]);
  return patched;
}

function patchResource(api: EnvoyApi, resource: EnvoyResource, patches: readonly Patch[]): Patched {
  const type = present(api.descriptor(resource.typeUrl), "only types that xDS delivers can be targets");
  const encoded = api.encode(resource.typeUrl, resource.json);
  // The encoder tells what is wrong with it.
  if (!encoded.ok) return { patches, result: resource, diagnostics: [] };
  const diagnostics: Diagnostic[] = [];
  let json = api.toJson(resource.typeUrl, encoded.value.bytes) as JsonMap;
  for (const patch of patches) {
    const result = patchJson(api, { type, resource, patch, json });
    if ("problem" in result) diagnostics.push(result.problem);
    else {
      json = result.json;
      diagnostics.push(...examinePatched(api, { type, resource, patch, json }));
    }
  }
  // What does not fit is told here, with the line in the patch, and not once more by the encoder.
  const result = diagnostics.length > 0 ? resource : { ...resource, json, at: patches.at(-1)?.at ?? resource.at };
  return { patches, result, diagnostics };
}

/** What the resource's type or Envoy holds against the patched resource, at the line of the patch that wrote it. */
function examinePatched(api: EnvoyApi, application: Application): readonly Diagnostic[] {
  const { type, resource, patch, json } = application;
  const encoded = api.encode(resource.typeUrl, json);
  const problems = encoded.ok ? examineMessage(api, type, encoded.value.message) : explainRefused(api, type, [], json);
  return problems.map(({ path, message, hint, code }) => {
    const text = `${type.name} "${resource.name}" as patched: ${formatPath(path)} ${message}`;
    const page = envoyPage(type);
    const wayOut = hint ?? (page === undefined ? undefined : `see ${page}`);
    return {
      code,
      severity: "error",
      message: text,
      at: placeIn(patch, path),
      ...(wayOut === undefined ? {} : { hint: wayOut }),
    };
  });
}

/** The deepest part of the path that the patch writes. */
export function placeIn(patch: Patch, path: Path): Place {
  for (let length = path.length; length > 0; length -= 1) {
    const place = patch.places.get(patchPlaceKey(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return patch.at;
}

interface Application {
  readonly type: DescMessage;
  readonly resource: EnvoyResource;
  readonly patch: Patch;
  readonly json: JsonMap;
}

function patchJson(
  api: EnvoyApi,
  application: Application,
): { readonly json: JsonMap } | { readonly problem: Diagnostic } {
  const { type, resource, patch, json } = application;
  const { change } = patch;
  let at: Place | undefined;
  try {
    if (change.kind === "merge") {
      const named = withJsonNames(api, { kind: "message", type }, { value: change.json, target: json, path: [] });
      return keepName(application, mergePatch(json, named) as JsonMap);
    }
    const copy: { [key: string]: JsonValue } = structuredClone(json);
    for (const step of change.steps) {
      at = step.at;
      applyStep(api, type, copy, step);
    }
    return keepName(application, copy);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    const { message, hint, path } = error.problem;
    const place = path.length === 0 ? (at ?? patch.at) : placeIn(patch, path);
    const title = `the patch does not fit ${type.name} "${resource.name}": ${message}`;
    return { problem: patchDiagnostic(place, { message: title, ...(hint === undefined ? {} : { hint }) }) };
  }
}

/** The name is the identity by which everything refers to the resource. */
function keepName({ type, resource, patch }: Application, json: JsonMap): ReturnType<typeof patchJson> {
  const field = deliveredTypes[type.typeName] ?? "name";
  const name = json[field] ?? json[field === "cluster_name" ? "clusterName" : field];
  if (name === resource.name) return { json };
  const message = `the patch changes the name of ${type.name} "${resource.name}"`;
  const hint = "other resources refer to it by this name; rename it where it is defined";
  return { problem: patchDiagnostic(patch.at, { message, hint }) };
}

/** RFC 7396, but that a message of another `@type` takes the place of the old one whole. */
function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isMap(patch)) return patch;
  const old = isMap(target) && (patch["@type"] === undefined || patch["@type"] === target["@type"]) ? target : {};
  const merged: { [key: string]: JsonValue } = { ...old };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function applyStep(api: EnvoyApi, type: DescMessage, json: { [key: string]: JsonValue }, step: PatchStep): void {
  const { steps, slot } = resolvePointer(api, type, json, step.path);
  const operation: Record<string, unknown> = { op: step.op, path: pointerOf(steps) };
  if (step.from !== undefined) operation["from"] = pointerOf(resolvePointer(api, type, json, step.from).steps);
  if (step.value !== undefined) {
    operation["value"] = withJsonNames(api, slot, { value: step.value, target: undefined, path: step.path });
  }
  const [failure] = applyPatch(json, [operation as unknown as Operation]);
  if (failure === null || failure === undefined) return;
  const what =
    failure.name === "TestError" ? "has another value than the test expects" : "there is nothing at this path";
  const hint = "paths count from 0 and follow the resource as `fairway render` shows it";
  throw new PatchError({ message: `${step.op} /${step.path.join("/")}: ${what}`, hint, path: [] });
}

function pointerOf(steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** In each group that the patch names it must match; without names in at least one. */
function unmatched(
  groups: readonly GroupResources[],
  matched: ReadonlyMap<Patch, ReadonlySet<string>>,
): readonly Diagnostic[] {
  return [...matched].flatMap(([patch, changed]) => {
    const missing = groups.filter(
      ({ group }) => (patch.groups === undefined || patch.groups.includes(group.name)) && !changed.has(group.name),
    );
    const wanted = patch.groups?.length ?? groups.length;
    const isMissing = patch.groups === undefined ? missing.length === wanted : missing.length > 0;
    if (!isMissing) return [];
    const noun = patch.type.slice(patch.type.lastIndexOf(".") + 1);
    const target = patch.name === "*" ? `any ${noun}` : `a ${noun} named \`${patch.name}\``;
    const where = patch.groups === undefined ? "" : ` in group \`${missing[0]?.group.name ?? ""}\``;
    const names = missing.flatMap(({ resources }) =>
      resources.filter(({ typeUrl }) => typeUrl.endsWith(`/${patch.type}`)).map(({ name }) => name),
    );
    const near = closestName(patch.name, names);
    const hint = near === undefined ? "`fairway render` shows all names" : `did you mean \`${near}\`?`;
    return [
      {
        code: "unmatched-patch" as const,
        severity: "error" as const,
        message: `the patch matches nothing: there is not ${target}${where}`,
        at: patch.nameAt,
        hint,
      },
    ];
  });
}

function patchDiagnostic(at: Place, text: { readonly message: string; readonly hint?: string }): Diagnostic {
  return { code: "invalid-patch", severity: "error", at, ...text };
}

function isMap(value: JsonValue | undefined): value is JsonMap {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
