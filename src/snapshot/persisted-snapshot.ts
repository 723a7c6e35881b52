/**
 * A snapshot as bytes on disk, to start from when the config files are gone.
 *
 * JSON with the bodies in base64, gzipped piece by piece (in several members, as gzip calls them); the same snapshot
 * gives the same bytes. Nothing in it is believed: every version is computed again from the content, so that a file that
 * was damaged or edited is refused instead of served. Bodies are kept as they were sent, secrets included, so the file needs the
 * permissions of a private key.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { brand } from "../support/brand.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { resourceVersion } from "./encode-content.ts";
import type { Resource, ResourceName, VersionInfo } from "./resource.ts";
import type { GroupName, Snapshot, TypeTable } from "./snapshot.ts";
import { createSnapshot, createTable } from "./snapshot.ts";
import { resourceType } from "./type-url.ts";

/** Changes whenever an older Fairway would misread the bytes. */
const format = 1;
/** A snapshot of 100,000 clusters has about 60 MB; beyond this it is a mistake or an attack. */
const unpackedBytesMax = 512 * 1024 * 1024;
/** Fast: the bodies hardly differ between level 1 and 9, and a promotion must not hold up the process. */
const compressionLevel = 1;
/** Long enough to be packed well, and made within a few milliseconds. */
const PIECE_CHARS = 512 * 1024;

const persistedResource = z.strictObject({
  name: z.string(),
  version: z.string(),
  body: z.base64(),
  references: z.array(z.strictObject({ typeUrl: z.string(), name: z.string() })),
  at: z.strictObject({ file: z.string(), line: z.int().min(1), column: z.int().min(1) }),
  hostCount: z.int().min(0),
  ttlMs: z.int().min(1).optional(),
  onDemand: z.literal(true).optional(),
});

const persistedSnapshot = z.strictObject({
  format: z.literal(format),
  group: z.string(),
  version: z.string(),
  cause: z.strictObject({ text: z.string(), atMs: z.number() }),
  updates: z.strictObject({
    graceMs: z.number(),
    deadlineMs: z.number(),
    onDeadline: z.enum(["hold", "proceed"]),
    drainMs: z.number(),
  }),
  tables: z.array(z.strictObject({ typeUrl: z.string(), resources: z.array(persistedResource) })),
});

type PersistedResource = z.infer<typeof persistedResource>;
type PersistedSnapshot = z.infer<typeof persistedSnapshot>;

/** The bytes of a snapshot: pieces that are packed one by one, which whoever unpacks them reads as one. */
export function persistSnapshot(snapshot: Snapshot): Uint8Array {
  const packed: Uint8Array[] = [];
  for (const text of snapshotTexts(snapshot)) packed.push(gzipSync(text, { level: compressionLevel }));
  return Buffer.concat(packed);
}

/** What is packed, piece by piece, for whoever packs it without waiting: all at once it is several times the bodies. */
export function* snapshotTexts(snapshot: Snapshot): Iterable<string> {
  const persisted: PersistedSnapshot = {
    format,
    group: snapshot.group,
    version: snapshot.version,
    cause: { text: snapshot.cause.text, atMs: snapshot.cause.atMs },
    updates: { ...snapshot.updates },
    tables: [],
  };
  const end = "]}";
  // The tables are the last key, and their list is empty.
  let text = JSON.stringify(persisted).slice(0, -end.length);
  const tables = [...snapshot.tables.values()].filter((table) => table.resources.size > 0);
  for (const [index, { typeUrl, resources }] of tables.entries()) {
    text += `${index === 0 ? "" : ","}{"typeUrl":${JSON.stringify(typeUrl)},"resources":[`;
    let separator = "";
    for (const resource of resources.values()) {
      text += separator + JSON.stringify(persistResource(resource));
      separator = ",";
      if (text.length < PIECE_CHARS) continue;
      yield text;
      text = "";
    }
    text += end;
  }
  yield text + end;
}

/** The snapshot, or one sentence that says why these bytes are none. */
export function restoreSnapshot(bytes: Uint8Array): Result<Snapshot, string> {
  const parsed = unpack(bytes);
  if (!parsed.ok) return parsed;
  const tables = new Map<string, TypeTable>();
  for (const { typeUrl, resources } of parsed.value.tables) {
    if (resourceType(typeUrl) === undefined) return err(`it holds resources of an unknown type, ${typeUrl}`);
    const restored = resources.map((resource) => restoreResource(typeUrl, resource));
    const damaged = restored.find((resource, index) => resource.version !== resources[index]?.version);
    if (damaged !== undefined) return err(`the content of ${typeUrl} "${damaged.name}" does not have its version`);
    tables.set(typeUrl, createTable(typeUrl, restored));
  }
  const { group, version, updates, cause } = parsed.value;
  const snapshot = createSnapshot(brand<GroupName>(group), tables, { updates, cause });
  if (snapshot.version !== version) {
    return err(`its resources have the version ${snapshot.version} as a whole, not ${version} as it says`);
  }
  return ok(snapshot);
}

function unpack(bytes: Uint8Array): Result<PersistedSnapshot, string> {
  try {
    const text = gunzipSync(bytes, { maxOutputLength: unpackedBytesMax }).toString("utf8");
    const parsed = persistedSnapshot.safeParse(JSON.parse(text));
    return parsed.success ? ok(parsed.data) : err(z.prettifyError(parsed.error));
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}

function persistResource(resource: Resource): PersistedResource {
  return {
    name: resource.name,
    version: resource.version,
    body: Buffer.from(resource.body).toString("base64"),
    references: resource.references.map(({ typeUrl, name }) => ({ typeUrl, name })),
    at: { file: resource.at.file, line: resource.at.line, column: resource.at.column },
    hostCount: resource.hostCount,
    ...(resource.ttlMs === undefined ? {} : { ttlMs: resource.ttlMs }),
    ...(resource.onDemand === undefined ? {} : { onDemand: resource.onDemand }),
  };
}

/** With the version that the content has, whatever the bytes said. */
function restoreResource(typeUrl: string, persisted: PersistedResource): Resource {
  const body = new Uint8Array(Buffer.from(persisted.body, "base64"));
  return {
    typeUrl,
    name: brand<ResourceName>(persisted.name),
    version: brand<VersionInfo>(resourceVersion(typeUrl, body, persisted)),
    body,
    references: persisted.references,
    at: persisted.at,
    hostCount: persisted.hostCount,
    ...(persisted.ttlMs === undefined ? {} : { ttlMs: persisted.ttlMs }),
    ...(persisted.onDemand === undefined ? {} : { onDemand: persisted.onDemand }),
  };
}
