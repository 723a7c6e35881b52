/**
 * Warnings about changes of what Envoys run that is not Envoy's own: scripts, modules, services that change requests,
 * and filters in Envoy's words.
 *
 * A reviewer should not have to find a line of Lua among a hundred changed weights.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { JsonValue } from "../model/intent.ts";
import { extensionChanges } from "./extension-marks.ts";
import { createRedactor } from "./redact.ts";
import { renderResource } from "./render.ts";
import type { Resource } from "./resource.ts";
import type { GroupName, Snapshot } from "./snapshot.ts";
import { typeUrls } from "./type-url.ts";

/** Each costs decoding twice, and nobody reads more of them. */
const RESOURCES_MAX = 20;

/** Encoded messages hold the types of what is in them as text, so most need no decoding. */
const traces = [".lua.v3.", ".wasm.v3.", ".ext_proc.v3.", ".golang.v3alpha.", ".dynamic_modules.v3.", "extension."];

/** What can hold extensions, and has a place in the config. */
const nouns: ReadonlyMap<string, string> = new Map([
  [typeUrls.listener, "listener"],
  [typeUrls.route, "route configuration"],
]);

interface Change {
  readonly before: Resource | undefined;
  readonly after: Resource;
}

/** One warning for each listener and route configuration whose extensions differ; a group that is new has none. */
export function changedExtensions(
  before: ReadonlyMap<GroupName, Snapshot>,
  after: ReadonlyMap<GroupName, Snapshot>,
  api: EnvoyApi,
): readonly Diagnostic[] {
  const changes = new Map<string, Change>();
  for (const [group, snapshot] of after) {
    const old = before.get(group);
    if (old === undefined) continue;
    for (const change of changesOf(old, snapshot)) {
      const { typeUrl, name, version } = change.after;
      changes.set([typeUrl, name, change.before?.version, version].join(" "), change);
    }
  }
  const redact = createRedactor(api);
  const render = (resource: Resource): JsonValue => renderResource(resource, api, redact);
  return [...changes.values()].slice(0, RESOURCES_MAX).flatMap((change) => explain(change, render));
}

function* changesOf(before: Snapshot, after: Snapshot): Iterable<Change> {
  for (const typeUrl of nouns.keys()) {
    const [old, now] = [before.tables.get(typeUrl), after.tables.get(typeUrl)];
    if (now === undefined || old?.version === now.version) continue;
    for (const [name, resource] of now.resources) {
      const known = old?.resources.get(name);
      if (known?.version === resource.version) continue;
      if (hasTraces(resource) || (known !== undefined && hasTraces(known))) yield { before: known, after: resource };
    }
  }
}

function hasTraces({ body }: Resource): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return traces.some((trace) => bytes.includes(trace));
}

function explain({ before, after }: Change, render: (resource: Resource) => JsonValue): readonly Diagnostic[] {
  const changes = extensionChanges(before === undefined ? undefined : render(before), render(after));
  const kinds = new Set(changes.map(({ code }) => code));
  if (kinds.size === 0) return [];
  return [
    {
      code: "extension-changed",
      severity: "warning",
      message: `what Envoys run that is not Envoy's own changes in the ${nouns.get(after.typeUrl) ?? "resource"} \`${after.name}\`: ${[...kinds].toSorted().join(", ")}`,
      at: after.at,
      hint: "read what it does before it is served; Fairway cannot tell",
    },
  ];
}
