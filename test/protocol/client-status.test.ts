/**
 * The client status service over real gRPC: what it says of nodes, whom it says it of, and what it never says.
 */
import { Client, credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClientResourceStatus } from "../../src/gen/envoy/admin/v3/config_dump_shared.ts";
import type { ClientStatusResponse } from "../../src/gen/envoy/service/status/v3/csds.ts";
import {
  ClientStatusDiscoveryServiceDefinition,
  ClientStatusRequest,
  ConfigStatus,
} from "../../src/gen/envoy/service/status/v3/csds.ts";
import { frameMessage } from "../../src/grpc/message-frames.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { RunningPlane } from "../invariants/running-plane.ts";
import type { XdsClient } from "../invariants/xds-client.ts";
import { RawClient } from "../stages/grpc/raw-grpc.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { eventually, eventuallyValue } from "../support/eventually.ts";
import { grpcMethods } from "../support/grpc-methods.ts";

const { fetchClientStatus, streamClientStatus } = grpcMethods(ClientStatusDiscoveryServiceDefinition);
const canary = "MIICANARYKEYthatNobodyMaySee";
const pem = `-----BEGIN PRIVATE KEY-----\\n${canary}\\n-----END PRIVATE KEY-----\\n`;

const config = (timeoutMs: number) => `services:
  cart: { endpoints: ["127.0.0.1:2"] }
  shop: { endpoints: ["127.0.0.1:1"], connectTimeout: ${timeoutMs}ms }
resources:
  - "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
    name: server
    generic_secret: { secret: { inline_string: "${canary}" } }
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: open
    connect_timeout: 1s
    load_assignment: { cluster_name: open }
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context:
          tls_certificates: [{ certificate_chain: { filename: /a.pem }, private_key: { inline_string: "${pem}" } }]
`;

let running: RunningPlane;
let tools: Client;
let nodes: readonly XdsClient[];

beforeAll(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": config(1_000) } });
  await running.newVersion();
  tools = new Client(`127.0.0.1:${running.port}`, credentials.createInsecure());
  nodes = ["edge-1", "edge-2", "inner-1"].map((nodeId) =>
    running.connect({ nodeId, follows: true, acknowledges: true }).ask(typeUrls.cluster),
  );
  for (const node of nodes) await node.has(typeUrls.endpoints, "cart", "shop");
  nodes[0]?.ask(typeUrls.secret, "server");
  await nodes[0]?.has(typeUrls.secret, "server");
});

afterAll(async () => {
  for (const node of nodes ?? []) node.close();
  tools?.close();
  await running[Symbol.asyncDispose]();
});

type Asked = Parameters<typeof ClientStatusRequest.fromPartial>[0];

function named(prefix: string): Asked {
  return { nodeMatchers: [{ nodeId: { matchPattern: { $case: "prefix", value: prefix } } }] };
}

async function fetched(asked: Asked = {}): Promise<ClientStatusResponse> {
  const { path, requestSerialize, responseDeserialize } = fetchClientStatus;
  return new Promise((resolve, reject) => {
    const request = ClientStatusRequest.fromPartial(asked);
    tools.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
      if (error === null && response !== undefined) resolve(response);
      else reject(error ?? new Error("there was neither an answer nor an error"));
    });
  });
}

/** `type/name` → entry, of one node. */
async function entriesOf(nodeId: string, asked: Asked = {}) {
  const { config: configs } = await fetched({ ...named(nodeId), ...asked });
  expect(configs.map(({ node }) => node?.id)).toEqual([nodeId]);
  const entries = configs.flatMap(({ genericXdsConfigs }) => genericXdsConfigs);
  return new Map(entries.map((entry) => [`${entry.typeUrl.split(".").at(-1)}/${entry.name}`, entry]));
}

describe("a fetch", () => {
  test("says of each resource of each node that it is in sync, with version and content", async () => {
    const entries = await eventuallyValue("all to be acknowledged", async () => {
      const found = await entriesOf("edge-2");
      return [...found.values()].every(({ configStatus }) => configStatus === ConfigStatus.SYNCED) ? found : undefined;
    });
    expect([...entries.keys()]).toEqual(
      [
        "Cluster/cart",
        "Cluster/open",
        "Cluster/shop",
        "ClusterLoadAssignment/cart",
        "ClusterLoadAssignment/open",
        "ClusterLoadAssignment/shop",
      ].filter((key) => entries.has(key)),
    );
    const shop = entries.get("Cluster/shop");
    const served = running.plane.publication.served.get("default" as never)?.tables.get(typeUrls.cluster);
    expect(shop).toMatchObject({
      clientStatus: ClientResourceStatus.ACKED,
      versionInfo: served?.resources.get("shop" as never)?.version,
      errorState: undefined,
    });
    expect(envoyApi.toJson(typeUrls.cluster, shop?.xdsConfig?.value ?? new Uint8Array())).toMatchObject({
      name: "shop",
    });
  });

  test("is about the nodes that are matched, and all without a matcher", async () => {
    const ids = async (asked?: Asked) => (await fetched(asked)).config.map(({ node }) => node?.id);
    expect(await ids()).toEqual(["edge-1", "edge-2", "inner-1"]);
    expect(await ids(named("edge"))).toEqual(["edge-1", "edge-2"]);
    expect(await ids(named("none"))).toEqual([]);
  });

  test("has no contents when they are excluded, and never any with a secret in it", async () => {
    const bare = await entriesOf("edge-1", { excludeResourceContents: true });
    expect([...bare.values()].filter(({ xdsConfig }) => xdsConfig !== undefined)).toEqual([]);
    const full = await entriesOf("edge-1");
    expect(full.get("Cluster/cart")?.xdsConfig).toBeDefined();
    expect(full.get("Secret/server")).toMatchObject({ xdsConfig: undefined, configStatus: ConfigStatus.SYNCED });
    expect(full.get("Cluster/open")).toMatchObject({ xdsConfig: undefined });
    const bytes = Buffer.concat([...full.values()].map(({ xdsConfig }) => xdsConfig?.value ?? Buffer.alloc(0)));
    expect(bytes.includes(canary)).toBe(false);
  });

  test("with a matcher that cannot be answered is INVALID_ARGUMENT", async () => {
    const regex = { $case: "safeRegex", value: { regex: "(" } } as const;
    await expect(fetched({ nodeMatchers: [{ nodeId: { matchPattern: regex } }] })).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining("RE2"),
    });
  });
});

/** All responses to these requests on one stream, and how it ended. */
async function streamed(...requests: readonly Asked[]) {
  const { path, requestSerialize, responseDeserialize } = streamClientStatus;
  const responses: ClientStatusResponse[] = [];
  let code: number | undefined;
  const call = tools.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  call.on("data", (response: ClientStatusResponse) => responses.push(response));
  call.on("status", (status: { readonly code: number }) => (code = status.code));
  for (const request of requests) call.write(ClientStatusRequest.fromPartial(request));
  call.end();
  await eventually("the end of the stream", () => code !== undefined);
  return { code, ids: responses.map(({ config: configs }) => configs.map(({ node }) => node?.id)) };
}

/** How a stream ended whose client reads nothing until all that may wait for it does. */
async function slowlyStreamed(asked: Asked): Promise<number | undefined> {
  using client = new RawClient(running.port);
  const call = client.call(streamClientStatus.path, { reads: false });
  const request = Buffer.from(ClientStatusRequest.encode(ClientStatusRequest.fromPartial(asked)).finish());
  call.stream.end(frameMessage(request));
  await eventually("an answer", () => call.headers !== undefined);
  // Another question that is answered meanwhile shows that the first one has been waiting.
  await streamed(named("inner-1"));
  call.stream.resume();
  return await call.ended();
}

test("a stream answers each request, and ends when the client has no more", async () => {
  expect(await streamed(named("edge-1"), named("inner"))).toEqual({ code: 0, ids: [["edge-1"], ["inner-1"]] });
});

test("a rejected resource is an error with the node's words, and one under way is stale", async () => {
  const [picky, slow] = nodes;
  for (const node of nodes) node.withholds = true;
  await running.save(config(2_000));
  const rejected = await picky?.response(typeUrls.cluster, 1);
  if (rejected !== undefined) picky?.reject(rejected, "Error adding/updating cluster(s) shop: no");
  await slow?.response(typeUrls.cluster, 1);
  const shopOf = async (id: string) => (await entriesOf(id)).get("Cluster/shop");
  const error = await eventuallyValue("the rejection", async () => {
    const shop = await shopOf("edge-1");
    return shop?.configStatus === ConfigStatus.ERROR ? shop : undefined;
  });
  expect(error).toMatchObject({
    clientStatus: ClientResourceStatus.NACKED,
    errorState: { details: "Error adding/updating cluster(s) shop: no", lastUpdateAttempt: expect.any(Date) },
  });
  expect(error.errorState?.versionInfo).toBe(error.versionInfo);
  expect(await shopOf("edge-2")).toMatchObject({
    configStatus: ConfigStatus.STALE,
    clientStatus: ClientResourceStatus.ACKED,
    versionInfo: error.versionInfo,
  });
});

test("what is too large for one response is refused to a fetch with a way out, and is several on a stream", async () => {
  const padded = (name: string) => `resources:
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: ${name}
    connect_timeout: 1s
    load_assignment: { cluster_name: ${name} }
    metadata: { filter_metadata: { pad: { text: "${"x".repeat(250_000)}" } } }
`;
  const before = running.version();
  for (let index = 0; index < 5; index += 1) await running.save(padded(`big-${index}`), `big-${index}.yaml`);
  await running.newVersion(before);
  await eventually("all of them", async () => {
    const { json } = await running.ask("/v1/nodes/edge-1/resources?type=clusters");
    return JSON.stringify(json).includes("big-4");
  });
  await expect(fetched()).rejects.toMatchObject({
    code: 8,
    details: expect.stringMatching(/node_matchers.*exclude_resource_contents.*stream/),
  });
  expect((await fetched({ excludeResourceContents: true })).config).toHaveLength(3);
  expect(await slowlyStreamed({})).toBe(0);
  const { code, ids } = await streamed({});
  expect([code, ids.length > 1, new Set(ids.flat())]).toEqual([0, true, new Set(["edge-1", "edge-2", "inner-1"])]);
});
