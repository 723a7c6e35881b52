/**
 * The services for single types over real gRPC: each type by itself, in both variants.
 */
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { systemClock } from "../../src/support/clock.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import { discoveryMethods } from "../../src/xds/services.ts";
import { XdsClient } from "../invariants/xds-client.ts";
import { eventually } from "../support/eventually.ts";
import { snapshotOf } from "./services-snapshot.ts";

const { cluster, endpoints, listener, route } = typeUrls;

let server: AdsServer;
let port: number;
let clients: XdsClient[];

beforeEach(async () => {
  clients = [];
  server = new AdsServer({ clock: systemClock, identifier: "test", earlier: () => [], emit: () => undefined });
  port = await server.listen("127.0.0.1:0");
  await publish({ a: 1, b: 1 });
});

afterEach(async () => {
  for (const client of clients) client.close();
  await server.close();
});

async function publish(...of: Parameters<typeof snapshotOf>): Promise<void> {
  const snapshot = snapshotOf(...of);
  const groups = [{ name: snapshot.group, match: {} }];
  await server.publish({ groups, snapshots: new Map([[snapshot.group, snapshot]]) });
}

/** A client that acknowledges, and leaves it to the method to say which type it is about. */
function connect({ path, variant }: { readonly path: string; readonly variant: "sotw" | "delta" | "poll" }): XdsClient {
  const client = new XdsClient({ port, path, variant: variant === "sotw" ? "sotw" : "delta", acknowledges: true });
  clients.push(client);
  return client;
}

const ofOneType = discoveryMethods.filter(({ typeUrl }) => typeUrl !== undefined);
const streams = ofOneType.filter(({ variant }) => variant !== "poll");
const methodOf = (typeUrl: string, variant: "sotw" | "delta") =>
  streams.find((method) => method.typeUrl === typeUrl && method.variant === variant)!;

test("there is a service for each of nine types, and virtual hosts have delta only", () => {
  expect(new Set(streams.map(({ typeUrl }) => typeUrl)).size).toBe(9);
  expect(streams.filter(({ typeUrl }) => typeUrl === typeUrls.virtualHost).map(({ variant }) => variant)).toEqual([
    "delta",
  ]);
});

describe("a stream of one type", () => {
  test.each(streams.filter(({ variant }) => variant === "delta"))("of $path need not name its type", async (method) => {
    const client = connect(method);
    client.send({ resourceNamesSubscribe: ["a name that nothing has"] });
    const answer = await client.response(method.typeUrl!);
    // A virtual host that does not exist is answered as one without content.
    expect([...answer.removed, ...answer.resources.keys()]).toEqual(["a name that nothing has"]);
  });

  test.each(["sotw", "delta"] as const)("in %s has what is there, and what changes", async (variant) => {
    const clusters = connect(methodOf(cluster, variant));
    clusters.send({});
    await clusters.response(cluster);
    const hosts = connect(methodOf(endpoints, variant));
    // All that its clusters wait for, as an Envoy would.
    hosts.ask(endpoints, "a", "b");
    await hosts.response(endpoints);
    for (const [typeUrl, name] of [
      [listener, "*"],
      [route, "public/http"],
    ] as const) {
      await connect(methodOf(typeUrl, variant)).ask(typeUrl, name).response(typeUrl);
    }
    await publish({ a: 1, b: 1, c: 1 }, ["127.0.0.1:2"]);
    const later = await clusters.response(cluster, 1);
    expect(later.resources.size).toBe(variant === "delta" ? 1 : 3);
    await hosts.response(endpoints, 1);
  });

  test.each(["sotw", "delta"] as const)("in %s refuses another type", async (variant) => {
    const client = connect(methodOf(cluster, variant));
    client.send({ typeUrl: cluster });
    await client.response(cluster);
    client.send({ typeUrl: listener });
    expect(await client.ended()).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(client.failure?.details).toContain(cluster);
  });

  test("is counted as a stream, and gone with its client", async () => {
    const client = connect(methodOf(cluster, "delta"));
    client.send({});
    await client.response(cluster);
    expect(server.streamsCount).toBe(1);
    client.close();
    await eventually("the stream to be forgotten", () => server.streamsCount === 0);
  });
});

test.each(ofOneType.filter(({ variant }) => variant === "poll"))("$path is refused with what to do", async (method) => {
  const client = connect(method);
  client.send({});
  expect(await client.ended()).toMatchObject({ code: status.UNIMPLEMENTED });
  expect(client.failure?.details).toContain("DELTA_GRPC");
});
