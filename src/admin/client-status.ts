/**
 * What nodes have of each resource in the messages of Envoy's client status service (CSDS), in pages.
 *
 * Nothing is kept for this: nodes are asked one after the other, a few resources at a time, so that a large
 * fleet neither fills the memory nor holds up a stream.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
 */
import type { NodeStatus } from "../fleet/node-status.ts";
import { ClientResourceStatus } from "../gen/envoy/admin/v3/config_dump_shared.ts";
import { Node } from "../gen/envoy/config/core/v3/base.ts";
import type { ClientConfig_GenericXdsConfig } from "../gen/envoy/service/status/v3/csds.ts";
import { ClientConfig, ClientStatusResponse, ConfigStatus } from "../gen/envoy/service/status/v3/csds.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { InspectQuery, InspectedPage, InspectedResource } from "../xds/inspect-stream.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";

/** What the answers are made from. */
export interface ClientStatusSource {
  /** Those with an open stream, sorted by id. */
  nodes(): readonly NodeIdentity[];
  resources(nodeId: string, query: InspectQuery): InspectedPage | undefined;
  node(id: string): NodeStatus | undefined;
  /** The bytes of a resource; undefined when they hold a secret. */
  content(resource: Resource): Uint8Array | undefined;
}

/** What is answered. */
export interface ClientStatusQuery {
  readonly nodes: readonly NodeIdentity[];
  readonly withContents: boolean;
}

/** Below the 4 MiB that gRPC clients take in one message, with room for what is not counted. */
const PAGE_BYTES_MAX = 3 * 1024 * 1024;
/** A page has so many resources looked at before others have a turn. */
const RESOURCES_AT_ONCE = 200;
/** Of an entry beside its texts and its content. */
const ENTRY_BYTES = 64;

/**
 * Serialised responses one after the other; undefined between them is a moment for other work. The resources
 * of a node may go over several responses. When there is no node there is one response, which is empty.
 */
export function* clientStatusPages(
  source: ClientStatusSource,
  query: ClientStatusQuery,
): Generator<Uint8Array | undefined> {
  let configs: { readonly node: NodeIdentity; readonly entries: ClientConfig_GenericXdsConfig[] }[] = [];
  let bytes = 0;
  let isFirst = true;
  const flush = (): Uint8Array => {
    const config = configs.map(({ node, entries }) => clientConfig(node, entries));
    [configs, bytes, isFirst] = [[], 0, false];
    return ClientStatusResponse.encode({ config }).finish();
  };
  for (const node of query.nodes) {
    let after: InspectQuery["after"];
    let current: (typeof configs)[number] | undefined;
    const status = source.node(node.id);
    do {
      const page = source.resources(node.id, { limit: RESOURCES_AT_ONCE, after });
      for (const resource of page?.resources ?? []) {
        const entry = entryOf(resource, status, query.withContents ? (of) => source.content(of) : () => undefined);
        const entryBytes = bytesOf(entry);
        if (bytes > 0 && bytes + entryBytes > PAGE_BYTES_MAX) {
          yield flush();
          current = undefined;
        }
        if (current === undefined) configs.push((current = { node, entries: [] }));
        current.entries.push(entry);
        bytes += entryBytes;
      }
      after = page?.next;
      yield undefined;
    } while (after !== undefined);
    if (current === undefined) configs.push({ node, entries: [] });
    bytes += ENTRY_BYTES;
  }
  if (configs.length > 0 || isFirst) yield flush();
}

function clientConfig(
  identity: NodeIdentity,
  genericXdsConfigs: readonly ClientConfig_GenericXdsConfig[],
): ClientConfig {
  const { id, cluster, locality, userAgent } = identity;
  const node = Node.fromPartial({ id, cluster, locality, userAgentName: userAgent });
  return { ...ClientConfig.fromPartial({}), node, genericXdsConfigs };
}

const configStatuses = {
  synced: ConfigStatus.SYNCED,
  stale: ConfigStatus.STALE,
  not_sent: ConfigStatus.NOT_SENT,
  error: ConfigStatus.ERROR,
} as const;

function entryOf(
  resource: InspectedResource,
  node: NodeStatus | undefined,
  contentOf: ClientStatusSource["content"],
): ClientConfig_GenericXdsConfig {
  const { typeUrl, name, status, heldVersion, held, wanted } = resource;
  const shown = wanted ?? held;
  const content = shown === undefined ? undefined : contentOf(shown);
  const fits = content !== undefined && content.byteLength <= PAGE_BYTES_MAX;
  return {
    typeUrl,
    name,
    versionInfo: shown?.version ?? heldVersion ?? "",
    xdsConfig: fits ? { typeUrl, value: Buffer.from(content) } : undefined,
    lastUpdated: undefined,
    configStatus: configStatuses[status],
    clientStatus: clientStatusOf(resource),
    errorState: status === "error" ? errorStateOf(resource, node) : undefined,
    isStaticResource: false,
  };
}

/** As the client sees it, which knows nothing of what was not sent yet. */
function clientStatusOf({ status, heldVersion }: InspectedResource): ClientResourceStatus {
  if (status === "error") return ClientResourceStatus.NACKED;
  if (heldVersion !== undefined) return ClientResourceStatus.ACKED;
  return status === "synced" ? ClientResourceStatus.DOES_NOT_EXIST : ClientResourceStatus.REQUESTED;
}

/** In the node's own words: its last ones about the type. */
function errorStateOf({ typeUrl, wanted }: InspectedResource, node: NodeStatus | undefined) {
  const last = node?.types.find((type) => type.typeUrl === typeUrl)?.lastRejection;
  return {
    failedConfiguration: undefined,
    lastUpdateAttempt: last === undefined ? undefined : new Date(last.atMs),
    details: last?.message ?? "",
    versionInfo: wanted?.version ?? "",
  };
}

function bytesOf({ typeUrl, name, xdsConfig, errorState }: ClientConfig_GenericXdsConfig): number {
  const texts = 2 * typeUrl.length + name.length + 3 * (errorState?.details.length ?? 0);
  return ENTRY_BYTES + texts + (xdsConfig?.value.byteLength ?? 0);
}
