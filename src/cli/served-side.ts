/**
 * What a running server serves, as far as a plan needs it: all names and versions, and the few contents that differ.
 *
 * The server conceals secrets in what it shows, and gives as much in one answer as it can make without holding up
 * Envoys, so contents are asked for in runs of neighbours.
 */
import type { SnapshotJson, SnapshotListJson, WarningListJson } from "../admin/api-schema.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { durationMs } from "../model/duration.ts";
import type { JsonValue } from "../model/intent.ts";
import type { KnownResource, KnownSnapshot, KnownTable } from "../snapshot/known-snapshot.ts";
import type { Contents } from "../snapshot/plan.ts";
import type { ResourceName } from "../snapshot/resource.ts";
import { resourceTypes } from "../snapshot/type-url.ts";
import { brand } from "../support/brand.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { askServer, detailOf } from "./ask-server.ts";

/** As many as the server gives. */
const PAGE_SIZE = 1_000;
/** Resources between two that are wanted are fetched along when there are no more. */
const GAP_MAX = 10;

export type ServedGroup = SnapshotListJson["groups"][number];

/** All groups, and why the config of the server is refused when it is. */
export async function listServed(server: string): Promise<Pick<SnapshotListJson, "groups" | "refused">> {
  const groups: ServedGroup[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await get<SnapshotListJson>(
      server,
      `/v1/snapshots?limit=${PAGE_SIZE}&history=0${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`,
    );
    if (page === undefined) throw notFairway(server, 404);
    groups.push(...page.groups);
    if (page.next === undefined) return { groups, ...(page.refused === undefined ? {} : { refused: page.refused }) };
    after = page.next;
  }
}

/** What the server's config is warned of; undefined when it does not say, or not all of it. */
export async function servedWarnings(server: string): Promise<readonly Diagnostic[] | undefined> {
  const list = await get<WarningListJson>(server, "/v1/warnings");
  if (list === undefined || list.count > list.warnings.length) return undefined;
  return list.warnings as readonly Diagnostic[];
}

/** All names of one version; undefined when the server does not have it any more. */
export async function servedNames(server: string, version: string): Promise<KnownSnapshot | undefined> {
  const resources = new Map<string, Map<ResourceName, KnownResource>>();
  const versions = new Map<string, string>();
  let after: string | undefined;
  do {
    const query = `limit=${PAGE_SIZE}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`;
    const page = await get<SnapshotJson>(server, `/v1/snapshots/${version}?${query}`);
    if (page === undefined) return undefined;
    for (const { typeUrl, plural } of resourceTypes) {
      const ofType = resources.get(typeUrl) ?? new Map<ResourceName, KnownResource>();
      resources.set(typeUrl, ofType);
      versions.set(typeUrl, page.types[plural]?.version ?? "");
      for (const { name, version: own, at, hosts = 0, ttl, onDemand } of page.types[plural]?.resources ?? []) {
        const known: KnownResource = {
          ...{ typeUrl, name: brand(name), version: brand(own), at, hostCount: hosts },
          ...(ttl === undefined ? {} : { ttlMs: durationMs(ttl) }),
          ...(onDemand === undefined ? {} : { onDemand }),
        };
        ofType.set(known.name, known);
      }
    }
    after = page.next;
  } while (after !== undefined);
  const tables = [...resources].map(([typeUrl, ofType]): [string, KnownTable] => [
    typeUrl,
    { typeUrl, version: versions.get(typeUrl) ?? "", resources: ofType },
  ]);
  return { version, tables: new Map(tables) };
}

/** The contents of these; undefined when the server does not have the version any more. */
export async function servedContents(
  server: string,
  snapshot: KnownSnapshot,
  wanted: readonly { readonly typeUrl: string; readonly names: readonly ResourceName[] }[],
): Promise<Contents | undefined> {
  const found = new Map<string, JsonValue>();
  for (const { typeUrl, names } of wanted) {
    const plural = resourceTypes.find((type) => type.typeUrl === typeUrl)?.plural ?? typeUrl;
    const all = [...(snapshot.tables.get(typeUrl)?.resources.keys() ?? [])];
    for (const { from, count } of runsOf(names, all)) {
      let after = from === 0 ? undefined : `${plural}/${all[from - 1] ?? ""}`;
      for (let left = count; left > 0;) {
        const start = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
        const query = `type=${plural}&include=resources&limit=${Math.min(left, PAGE_SIZE)}${start}`;
        const page = await get<SnapshotJson>(server, `/v1/snapshots/${snapshot.version}?${query}`);
        const given = page?.types[plural]?.resources ?? [];
        if (page === undefined || given.length === 0) return undefined;
        for (const { name, resource } of given) found.set(`${typeUrl} ${name}`, (resource ?? null) as JsonValue);
        left -= given.length;
        after = `${plural}/${given.at(-1)?.name ?? ""}`;
      }
    }
  }
  return (typeUrl, name) => found.get(`${typeUrl} ${name}`);
}

/** Positions of what is wanted in the sorted list of all, neighbours together. */
function runsOf(
  wanted: readonly ResourceName[],
  all: readonly ResourceName[],
): readonly { readonly from: number; readonly count: number }[] {
  const positions = new Map(all.map((name, index) => [name, index]));
  const runs: { from: number; count: number }[] = [];
  for (const name of wanted) {
    const position = positions.get(name);
    if (position === undefined) continue;
    const last = runs.at(-1);
    if (last !== undefined && position - (last.from + last.count) <= GAP_MAX) last.count = position - last.from + 1;
    else runs.push({ from: position, count: 1 });
  }
  return runs;
}

/** Undefined when it answers 404. */
async function get<Body>(server: string, path: string): Promise<Body | undefined> {
  const answer = await askServer(server, path);
  if (answer.status === 200 && answer.body !== undefined) return answer.body as Body;
  if (answer.status === 404 && detailOf(answer) !== undefined) return undefined;
  throw notFairway(server, answer.status);
}

function notFairway(server: string, status: number): FairwayError {
  const told = `${server} answered ${status}: it is not the admin address of a server that can be compared with`;
  return new FairwayError("ADMIN_UNREACHABLE", told);
}
