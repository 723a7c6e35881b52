/**
 * The resources that are served: clusters and their endpoints, as bytes that were made beforehand.
 *
 * They mean the same as those of `bench/peers/go-control-plane/content.go`, which `--self-test` checks. Each
 * resource is encoded once, when it changes, as `fairway serve` does; that it comes from no file is the point here.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Resource, ResourceName, VersionInfo } from "../../src/snapshot/resource.ts";
import type { GroupName, Snapshot, TypeTable } from "../../src/snapshot/snapshot.ts";
import { createSnapshot, updateTable } from "../../src/snapshot/snapshot.ts";
import { resourceVersion } from "../../src/snapshot/encode-content.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { brand } from "../../src/support/brand.ts";
import type { Change } from "./orders.ts";

const ENDPOINTS_PER_CLUSTER = 10;

/** What the load client refuses a cluster for. */
const REFUSED_MARK = "refused-by-clients";

/** The defaults of `fairway serve`; nothing is removed here, so none of them matters. */
const updates = { graceMs: 30_000, deadlineMs: 15_000, onDeadline: "hold", drainMs: 600_000 } as const;

/** All resources of one turn. */
export interface Content {
  readonly clusters: TypeTable | undefined;
  readonly endpoints: TypeTable | undefined;
  readonly count: number;
}

/** So many clusters, each with its endpoints. */
export function fill(count: number): Content {
  const names = Array.from({ length: count }, (_, index) => index);
  return {
    clusters: updateTable(typeUrls.cluster, undefined, byName(names.map((index) => clusterResource(index, 0)))),
    endpoints: updateTable(typeUrls.endpoints, undefined, byName(names.map((index) => endpointsResource(index, 0)))),
    count,
  };
}

/** The content after a change. */
export function apply(before: Content, { what, index, turn }: Change): Content {
  const { clusters, endpoints, count } = before;
  if (what === "endpoints" || what === "all-endpoints") {
    const changed = what === "endpoints" ? [index] : Array.from({ length: count }, (_, each) => each);
    const resources = byName(changed.map((each) => endpointsResource(each, turn)));
    return { ...before, endpoints: updateTable(typeUrls.endpoints, endpoints, resources) };
  }
  const resources = byName([clusterResource(index, turn, what === "refused-cluster" ? REFUSED_MARK : undefined)]);
  return { ...before, clusters: updateTable(typeUrls.cluster, clusters, resources) };
}

/** What is handed to the server. */
export function snapshotOf({ clusters, endpoints }: Content, atMs: number): Snapshot {
  const tables = new Map<string, TypeTable>();
  if (clusters !== undefined) tables.set(typeUrls.cluster, clusters);
  if (endpoints !== undefined) tables.set(typeUrls.endpoints, endpoints);
  return createSnapshot(brand<GroupName>("fleet"), tables, { updates, cause: { text: "bench", atMs } });
}

function byName(resources: readonly Resource[]): ReadonlyMap<ResourceName, Resource> {
  return new Map(resources.map((each) => [each.name, each]));
}

function nameOf(index: number): string {
  return `cluster-${String(index).padStart(5, "0")}`;
}

function clusterResource(index: number, turn: number, statName?: string): Resource {
  const name = nameOf(index);
  return resource(typeUrls.cluster, name, {
    body: clusterBytes(name, turn, statName),
    references: [{ typeUrl: typeUrls.endpoints, name }],
    hostCount: 0,
  });
}

function endpointsResource(index: number, turn: number): Resource {
  const name = nameOf(index);
  return resource(typeUrls.endpoints, name, {
    body: endpointsBytes(index, turn),
    references: [],
    hostCount: ENDPOINTS_PER_CLUSTER,
  });
}

function resource(typeUrl: string, name: string, rest: Pick<Resource, "body" | "references" | "hostCount">): Resource {
  const version = brand<VersionInfo>(resourceVersion(typeUrl, rest.body));
  return { typeUrl, name: brand<ResourceName>(name), version, at: { file: "bench", line: 1, column: 1 }, ...rest };
}

/** An `envoy.config.cluster.v3.Cluster` of type EDS over ADS, with a circuit breaker. */
export function clusterBytes(name: string, turn: number, statName?: string): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(name);
  // `type` is EDS.
  writer.tag(2, WireType.Varint).uint32(3);
  message(writer, 3, () => {
    message(writer, 1, () => {
      message(writer, 3, () => undefined);
      // `resource_api_version` is V3.
      writer.tag(6, WireType.Varint).uint32(2);
    });
  });
  message(writer, 4, () => writer.tag(1, WireType.Varint).uint32(1));
  message(writer, 10, () => {
    message(writer, 1, () => {
      message(writer, 4, () => writer.tag(1, WireType.Varint).uint32(1_000 + turn));
    });
  });
  if (statName !== undefined) writer.tag(28, WireType.LengthDelimited).string(statName);
  return writer.finish();
}

/** An `envoy.config.endpoint.v3.ClusterLoadAssignment`. */
export function endpointsBytes(index: number, turn: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(nameOf(index));
  message(writer, 2, () => {
    message(writer, 1, () => {
      writer.tag(1, WireType.LengthDelimited).string("region");
      writer.tag(2, WireType.LengthDelimited).string("zone");
    });
    for (let host = 1; host <= ENDPOINTS_PER_CLUSTER; host += 1) {
      const address = `10.${Math.floor(index / 256)}.${index % 256}.${host}`;
      message(writer, 2, () =>
        message(writer, 1, () =>
          message(writer, 1, () =>
            message(writer, 1, () => {
              writer.tag(2, WireType.LengthDelimited).string(address);
              writer.tag(3, WireType.Varint).uint32(1_024 + (turn % 60_000));
            }),
          ),
        ),
      );
    }
  });
  return writer.finish();
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}
