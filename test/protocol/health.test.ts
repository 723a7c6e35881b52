/**
 * gRPC's standard health service, as its clients see it.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { frameMessage } from "../../src/grpc/message-frames.ts";
import { status } from "../../src/grpc/status.ts";
import { systemClock } from "../../src/support/clock.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import type { RawCall } from "../stages/grpc/raw-grpc.ts";
import { RawClient } from "../stages/grpc/raw-grpc.ts";
import { snapshotOf } from "./services-snapshot.ts";

const ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService";

let server: AdsServer;
let client: RawClient;

beforeEach(async () => {
  server = new AdsServer({ clock: systemClock, identifier: "test", earlier: () => [], emit: () => undefined });
  client = new RawClient(await server.listen("127.0.0.1:0"));
});

afterEach(async () => {
  client[Symbol.dispose]();
  await server.close();
});

async function publish(): Promise<void> {
  const snapshot = snapshotOf({ a: 1 });
  const groups = [{ name: snapshot.group, match: {} }];
  await server.publish({ groups, snapshots: new Map([[snapshot.group, snapshot]]) });
}

/** A request is the name of the service in field 1. */
function ask(method: "Check" | "Watch", service: string): RawCall {
  const call = client.call(`/grpc.health.v1.Health/${method}`);
  call.stream.end(frameMessage(Buffer.from([10, service.length, ...Buffer.from(service)])));
  return call;
}

/** The statuses in the answers, field 1. */
const answers = (call: RawCall) =>
  call.messages.map((message) => ({ 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN" })[message[1] ?? 0]);

describe("a check", () => {
  test.each(["", ADS, "grpc.health.v1.Health"])("of %j is NOT_SERVING until something is served", async (service) => {
    const before = ask("Check", service);
    expect(await before.ended()).toBe(status.OK);
    expect(answers(before)).toEqual(["NOT_SERVING"]);
    await publish();
    const after = ask("Check", service);
    expect(await after.ended()).toBe(status.OK);
    expect(answers(after)).toEqual(["SERVING"]);
  });

  test("of a service that is not there is NOT_FOUND", async () => {
    expect(await ask("Check", "nobody.Knows").ended()).toBe(status.NOT_FOUND);
  });

  test("takes one message, no more and no fewer", async () => {
    const none = client.call("/grpc.health.v1.Health/Check");
    none.stream.end();
    expect(await none.ended()).toBe(status.INTERNAL);
    const two = client.call("/grpc.health.v1.Health/Check");
    const message = frameMessage(Buffer.alloc(0));
    two.stream.end(Buffer.concat([message, message]));
    expect(await two.ended()).toBe(status.INTERNAL);
  });
});

test("a watch is told at once, at each change, and that the server goes, before it ends", async () => {
  const watch = ask("Watch", ADS);
  const unknown = ask("Watch", "nobody.Knows");
  await watch.received(1);
  await unknown.received(1);
  await publish();
  await publish();
  await watch.received(2);
  await server.close();
  expect(await watch.ended()).toBe(status.UNAVAILABLE);
  expect(answers(watch)).toEqual(["NOT_SERVING", "SERVING", "NOT_SERVING"]);
  expect(answers(unknown)).toEqual(["SERVICE_UNKNOWN"]);
});
