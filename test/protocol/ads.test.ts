/**
 * The aggregated discovery service over real gRPC: what a client sees on the wire, in the protocol's words.
 */
import { connect as connectHttp2 } from "node:http2";
import { Metadata, makeGenericClientConstructor, credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AggregatedDiscoveryServiceDefinition } from "../../src/gen/envoy/service/discovery/v3/ads.ts";
import { DeltaDiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import type { GroupName, Snapshot } from "../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { brand } from "../../src/support/brand.ts";
import { systemClock } from "../../src/support/clock.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import type { StreamEvent } from "../../src/xds/stream-event.ts";
import { XdsClient } from "../invariants/xds-client.ts";
import type { XdsClientOptions } from "../invariants/xds-client.ts";
import { eventually } from "../support/eventually.ts";
import { grpcMethods } from "../support/grpc-methods.ts";
import { snapshotOf } from "./services-snapshot.ts";

const { cluster, endpoints, listener, route } = typeUrls;

let server: AdsServer;
let port: number;
let events: StreamEvent[];
let clients: XdsClient[];

beforeEach(async () => {
  events = [];
  clients = [];
  server = new AdsServer({
    clock: systemClock,
    identifier: "fairway test",
    earlier: () => [],
    emit: (emitted) => events.push(...emitted.filter((event) => "streamId" in event)),
  });
  port = await server.listen("127.0.0.1:0");
});

afterEach(async () => {
  for (const client of clients) client.close();
  await server.close();
});

function connect(options: Omit<XdsClientOptions, "port"> = {}): XdsClient {
  const client = new XdsClient({ port, ...options });
  clients.push(client);
  return client;
}

async function publish(snapshot: Snapshot): Promise<void> {
  const groups = [{ name: snapshot.group, match: {} }];
  await server.publish({ groups, snapshots: new Map([[snapshot.group, snapshot]]) });
}

const envoyLike = { acknowledges: true, follows: true };

describe.each(["delta", "sotw"] as const)("%s ADS", (variant) => {
  test("gives an Envoy that starts everything, in the order clusters, endpoints, listeners, routes", async () => {
    await publish(snapshotOf({ a: 1, b: 1 }));
    const client = connect({ variant, ...envoyLike }).ask(cluster);
    await client.has(endpoints, "a", "b");
    client.ask(listener);
    await client.has(route, "public/http");
    expect(client.responses.map(({ typeUrl }) => typeUrl)).toEqual([cluster, endpoints, listener, route]);
    await eventually("the snapshot to be acknowledged", () => events.some(({ kind }) => kind === "synced"));
  });

  test("sends the unchanged endpoints right behind a cluster that changed", async () => {
    await publish(snapshotOf({ a: 1, b: 1 }));
    const client = connect({ variant, ...envoyLike }).ask(cluster);
    await client.has(endpoints, "a", "b");
    const before = client.responses.length;
    await publish(snapshotOf({ a: 1, b: 2 }));
    await eventually("the endpoints", () => client.responses.length >= before + 2);
    const [changed, follows] = client.responses.slice(before);
    expect([changed?.typeUrl, follows?.typeUrl]).toEqual([cluster, endpoints]);
    expect([...(follows?.resources.keys() ?? [])]).toEqual(["b"]);
  });

  test("adds before it moves the routes, and removes nothing while the move is not acknowledged", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant, acknowledges: false, follows: true }).ask(cluster).ask(listener);
    const next = async (typeUrl: string, index: number) => {
      const response = await client.response(typeUrl, index);
      client.acknowledge(response);
      return response;
    };
    await next(cluster, 0);
    await next(endpoints, 0);
    await next(listener, 0);
    await next(route, 0);
    await eventually("the first snapshot", () => events.some(({ kind }) => kind === "synced"));
    await publish(snapshotOf({ b: 1 }));
    const added = await client.response(cluster, 1);
    expect([...added.resources.keys()]).toEqual(variant === "delta" ? ["b"] : ["a", "b"]);
    expect(added.removed).toEqual([]);
    expect(client.of(route)).toHaveLength(1);
    client.acknowledge(added);
    await next(endpoints, 1);
    await client.response(route, 1);
    expect(client.names(cluster)).toEqual(["a", "b"]);
  });

  test("has one unacknowledged response of a type, and sends the newest state after the ACK", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant }).ask(cluster);
    const first = await client.response(cluster);
    await publish(snapshotOf({ a: 2 }));
    await publish(snapshotOf({ a: 3 }));
    client.acknowledge(first);
    const second = await client.response(cluster, 1);
    client.acknowledge(second);
    // Whatever is asked after it is answered after it: the stream is ordered.
    client.ask(endpoints, "a");
    await client.response(endpoints);
    expect(client.of(cluster)).toHaveLength(2);
    expect(second.nonce).not.toBe(first.nonce);
  });

  test("does not send a rejected resource again, and moves the others on", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant, follows: true }).ask(cluster);
    client.acknowledge(await client.response(cluster));
    client.acknowledge(await client.response(endpoints));
    await publish(snapshotOf({ a: 1, bad: 1, good: 1 }));
    client.reject(await client.response(cluster, 1), "Error adding/updating cluster(s) bad: no");
    const retry = await client.response(cluster, 2);
    expect([...retry.resources.keys()]).toEqual(variant === "delta" ? ["good"] : ["a", "good"]);
    client.acknowledge(retry);
    expect(events.find(({ kind }) => kind === "rejected")).toMatchObject({
      typeUrl: cluster,
      resources: [{ name: "bad", at: { file: "main.yaml" } }],
    });
  });

  test("is not disturbed by a type it does not know", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant }).ask("type.googleapis.com/envoy.api.v2.Cluster").ask(cluster);
    await client.response(cluster);
    expect(client.failure).toBeUndefined();
  });

  test("requires type_url and a node id", async () => {
    await publish(snapshotOf({ a: 1 }));
    expect((await connect({ variant }).ask("").ended()).code).toBe(status.INVALID_ARGUMENT);
    const nameless = connect({ variant, nodeId: "" }).ask(cluster);
    expect(await nameless.ended()).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(nameless.failure?.details).toContain("node.id");
  });

  test("takes the node from the first message only", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant }).ask(cluster);
    const first = await client.response(cluster);
    client.send({ typeUrl: cluster, responseNonce: first.nonce, node: undefined });
    await eventually("the ACK", () => events.some(({ kind }) => kind === "acked"));
    expect(client.failure).toBeUndefined();
  });

  test("accepts a request above gRPC's usual 4 MiB, and refuses one with too many names", async () => {
    await publish(snapshotOf({ a: 1 }));
    const long = Array.from({ length: 50_000 }, (_, index) => `${index}-${"x".repeat(100)}`);
    const client = connect({ variant, acknowledges: true }).ask(endpoints, ...long, "a");
    // In SotW the client of the test reads fifty thousand empty load assignments, and that takes its time.
    const answered = () => client.responses.some(({ resources }) => resources.has("a"));
    await eventually("the answer", answered, { timeoutMs: 25_000 });
    const many = Array.from({ length: 100_001 }, (_, index) => String(index));
    expect(
      (
        await connect({ variant })
          .ask(endpoints, ...many)
          .ended()
      ).code,
    ).toBe(status.RESOURCE_EXHAUSTED);
  });

  test("a node that answers nothing, and one that rejects everything, hold up no other", async () => {
    await publish(snapshotOf({ a: 1 }));
    const mute = connect({ variant, nodeId: "mute" }).ask(cluster).ask(listener);
    await mute.response(cluster);
    const contrary = connect({ variant, nodeId: "contrary" }).ask(cluster);
    contrary.reject(await contrary.response(cluster), "no");
    const healthy = connect({ variant, ...envoyLike, nodeId: "healthy" })
      .ask(cluster)
      .ask(listener);
    await healthy.has(route, "public/http");
    const isSynced = (count: number) => () =>
      events.filter((event) => event.kind === "synced" && event.nodeId === "healthy").length === count;
    await eventually("the first snapshot to be acknowledged", isSynced(1));
    await publish(snapshotOf({ b: 1 }));
    await healthy.has(endpoints, "a", "b");
    await eventually("the next one to be acknowledged", isSynced(2));
    expect(events.filter(({ kind, nodeId }) => kind === "synced" && nodeId !== "healthy")).toEqual([]);
  });

  test("ends every stream with UNAVAILABLE when it closes, so that clients go elsewhere", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant, ...envoyLike }).ask(cluster);
    await client.response(cluster);
    await server.close();
    expect((await client.ended()).code).toBe(status.UNAVAILABLE);
  });

  test("moves 200 streams to a new snapshot", async () => {
    await publish(snapshotOf({ a: 1 }));
    const many = Array.from({ length: 200 }, (_, index) =>
      connect({ variant, ...envoyLike, nodeId: `node-${index}` })
        .ask(cluster)
        .ask(listener),
    );
    await Promise.all(many.map((client) => client.has(route, "public/http")));
    await publish(snapshotOf({ a: 1, b: 1 }));
    await Promise.all(many.map((client) => client.has(endpoints, "a", "b")));
    expect(server.streamsCount).toBe(200);
  });
});

describe("reconnecting", () => {
  test("delta: a client that names the versions it holds is sent nothing again", async () => {
    await publish(snapshotOf({ a: 1, b: 1 }));
    const before = connect(envoyLike).ask(cluster).ask(listener);
    await before.has(route, "public/http");
    await before.has(endpoints, "a", "b");
    before.close();
    const again = connect({ ...envoyLike, holds: before.holds })
      .ask(cluster)
      .ask(endpoints, "a", "b");
    again.ask(listener).ask(route, "public/http");
    await eventually(
      "the snapshot to be acknowledged",
      () => events.filter(({ kind }) => kind === "synced").length > 1,
    );
    expect(again.responses.flatMap(({ resources }) => [...resources.keys()])).toEqual([]);
  });

  test("delta: it is told what changed and what is gone meanwhile, the removal last", async () => {
    await publish(snapshotOf({ a: 1 }));
    const before = connect(envoyLike).ask(cluster).ask(listener);
    await before.has(route, "public/http");
    before.close();
    await publish({
      ...snapshotOf({ b: 1 }),
      updates: { graceMs: 0, deadlineMs: 1_000, onDeadline: "hold", drainMs: 0 },
    });
    const again = connect({ ...envoyLike, holds: before.holds })
      .ask(cluster)
      .ask(endpoints, "a");
    again.ask(listener).ask(route, "public/http");
    await again.has(cluster, "b");
    const told = again.responses.filter(({ typeUrl }) => typeUrl !== endpoints);
    expect(told.map(({ resources, removed }) => [[...resources.keys()], removed])).toEqual([
      [["b"], []],
      [["public/http"], []],
      [[], ["a"]],
    ]);
  });

  test("delta: a name that does not exist is answered at once, and sent when it comes to be", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ acknowledges: true }).ask(endpoints, "later");
    expect((await client.response(endpoints)).removed).toEqual(["later"]);
    await publish(snapshotOf({ a: 1, later: 1 }));
    await client.has(endpoints, "later");
  });

  test("delta: a resource that is subscribed to again is sent again", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ acknowledges: true }).ask(endpoints, "a");
    await client.response(endpoints);
    client.send({ typeUrl: endpoints, resourceNamesSubscribe: ["a"] });
    expect([...(await client.response(endpoints, 1)).resources.keys()]).toEqual(["a"]);
  });

  test("sotw: a wildcard type of the version that is wanted is not sent again, named types are answered", async () => {
    await publish(snapshotOf({ a: 1 }));
    const before = connect({ variant: "sotw", ...envoyLike }).ask(cluster);
    await before.has(endpoints, "a");
    const { version } = await before.response(cluster);
    const again = connect({ variant: "sotw", acknowledges: true });
    again.send({ typeUrl: cluster, versionInfo: version });
    again.send({ typeUrl: endpoints, versionInfo: "0", resourceNames: ["a"] });
    await again.response(endpoints);
    expect(again.of(cluster)).toEqual([]);
  });

  test("sotw: the same request with an acknowledged nonce is a demand and is answered once", async () => {
    await publish(snapshotOf({ a: 1 }));
    const client = connect({ variant: "sotw" }).ask(endpoints, "a");
    const first = await client.response(endpoints);
    client.acknowledge(first);
    client.acknowledge(first);
    const second = await client.response(endpoints, 1);
    client.acknowledge(second);
    client.ask(listener);
    await client.response(listener);
    expect(client.of(endpoints)).toHaveLength(2);
  });
});

test("a node that a change of the groups moves is said to be moved once, before it is sent what the other group has", async () => {
  const inRim = (snapshot: Snapshot): Snapshot => ({ ...snapshot, group: brand<GroupName>("rim") });
  await publish(snapshotOf({ a: 1 }));
  const client = connect({ ...envoyLike, nodeId: "edge-1" }).ask(cluster);
  await client.has(endpoints, "a");
  const moved = inRim(snapshotOf({ b: 1 }));
  await publish(moved);
  await client.response(cluster, 1);
  await publish(inRim(snapshotOf({ b: 2 })));
  await client.response(cluster, 2);
  const steps = events.filter(
    (event) => event.kind === "stream-moved" || (event.kind === "sent" && event.snapshotVersion === moved.version),
  );
  expect(steps[0]).toMatchObject({ kind: "stream-moved", nodeId: "edge-1", group: "rim" });
  expect(steps[1]).toMatchObject({ kind: "sent", typeUrl: cluster });
  expect(events.filter(({ kind }) => kind === "stream-moved")).toHaveLength(1);
});

test("bytes that are no request end their own stream and no other", async () => {
  await publish(snapshotOf({ a: 1 }));
  const healthy = connect({ acknowledges: true }).ask(cluster);
  await healthy.response(cluster);
  const raw = {
    ...grpcMethods(AggregatedDiscoveryServiceDefinition).deltaAggregatedResources,
    requestSerialize: (bytes: Buffer) => bytes,
  };
  const Client = makeGenericClientConstructor({ send: raw }, "raw");
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(raw.path, raw.requestSerialize, raw.responseDeserialize, new Metadata());
  const ended = new Promise<number>((resolve) =>
    call.on("error", (error: Error & { code?: number }) => resolve(error.code ?? -1)),
  );
  call.on("data", () => undefined);
  call.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]));
  expect(await ended).toBe(status.INTERNAL);
  client.close();
  await publish(snapshotOf({ a: 2 }));
  await healthy.response(cluster, 1);
});

test("a client that acknowledges what it does not read is not listened to", async () => {
  const hosts = Array.from({ length: 10_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}:80`);
  await publish(snapshotOf({ a: 1 }, hosts));
  // A raw HTTP/2 client, because gRPC's own reads ahead.
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const { path } = grpcMethods(AggregatedDiscoveryServiceDefinition).deltaAggregatedResources;
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  // Both end with an error when the test is done with them.
  session.on("error", () => undefined);
  stream.on("error", () => undefined);
  const write = (request: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]) => {
    const body = DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial(request)).finish();
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(body.byteLength, 1);
    stream.write(Buffer.concat([prefix, body]));
  };
  const ask = { node: { id: "deaf" }, typeUrl: endpoints, resourceNamesSubscribe: ["a"] };
  write(ask);
  // It has no listener for data, so nothing is read; the nonces are guessed.
  const guesses = 300;
  for (let count = 1; count <= guesses; count += 1) {
    write({ ...ask, responseNonce: count.toString(36) });
  }
  const sent = () => events.filter(({ kind }) => kind === "sent").length;
  let before = 0;
  const hasStopped = () => {
    const grew = sent() !== before;
    before = sent();
    return before > 0 && !grew;
  };
  await eventually("the sending to stop", hasStopped, { intervalMs: 300 });
  // The first is longer than the client's window, and nothing follows it.
  expect(sent()).toBe(1);
  session.destroy();
});
