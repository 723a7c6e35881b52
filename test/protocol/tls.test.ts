/**
 * xDS over TLS: who gets in, and as whom.
 */
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { AdsTransport } from "../../src/xds/ads-server.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import type { StreamEvent } from "../../src/xds/stream-event.ts";
import { refusalOfNode } from "../../src/xds/verify-node.ts";
import { XdsClient } from "../invariants/xds-client.ts";
import type { CertificateName } from "../support/certificates.ts";
import { pem } from "../support/certificates.ts";
import { snapshotOf } from "./services-snapshot.ts";

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

const pair = (name: Exclude<CertificateName, "ca" | "other-ca">) => ({
  cert: Buffer.from(pem(`${name}.pem`)),
  key: Buffer.from(pem(`${name}.key`)),
});

const tls = { ...pair("one"), clientCa: pem("ca.pem") };

async function serve(transport: AdsTransport) {
  const events: StreamEvent[] = [];
  const emit = (emitted: readonly StreamEvent[]) => void events.push(...emitted);
  const server = new AdsServer({ clock: systemClock, identifier: "test", transport, earlier: () => [], emit });
  stack.defer(() => server.close());
  const port = await server.listen("127.0.0.1:0");
  const snapshot = snapshotOf({ a: 1 });
  const groups = [{ name: snapshot.group, match: {} }];
  await server.publish({ groups, snapshots: new Map([[snapshot.group, snapshot]]) });
  const connect = (nodeId: string, own?: ReturnType<typeof pair>, ca: "ca" | "other-ca" = "ca") => {
    const channel = credentials.createSsl(Buffer.from(pem(`${ca}.pem`)), own?.key ?? null, own?.cert ?? null);
    return stack.use(new XdsClient({ port, nodeId, credentials: channel })).ask(typeUrls.cluster);
  };
  return { server, port, connect, events };
}

describe("with a client CA", () => {
  test("an Envoy with a certificate of it is served", async () => {
    const { connect } = await serve({ tls });
    const { resources } = await connect("anybody", pair("two")).response(typeUrls.cluster);
    expect([...resources.keys()]).toEqual(["a"]);
  });

  test.each([
    ["without a certificate", undefined],
    ["with one that is no longer valid", pair("expired")],
    [
      "with one that another authority has signed",
      { cert: Buffer.from(pem("other-ca.pem")), key: Buffer.from(pem("other-ca.key")) },
    ],
  ])("an Envoy %s gets nothing", async (_, own) => {
    const { connect, server } = await serve({ tls });
    const client = connect("anybody", own);
    expect((await client.ended()).code).toBe(status.UNAVAILABLE);
    expect(client.responses).toEqual([]);
    expect(server.streamsCount).toBe(0);
  });

  test("and a check of names, a node is believed its id and its cluster and no other", async () => {
    const { connect, events } = await serve({ tls, verifiesNode: true });
    await connect("two.test", pair("two")).response(typeUrls.cluster);
    const liar = connect("edge-1", pair("two"));
    expect((await liar.ended()).code).toBe(status.PERMISSION_DENIED);
    expect(liar.failure?.details).toContain("two.test");
    expect(liar.responses).toEqual([]);
    expect(events).toContainEqual(expect.objectContaining({ kind: "stream-refused", nodeId: "edge-1" }));
  });
});

test("without a client CA anybody may come, but not in plain text", async () => {
  const { connect, port } = await serve({ tls: pair("one") });
  await connect("anybody").response(typeUrls.cluster);
  const plain = stack.use(new XdsClient({ port })).ask(typeUrls.cluster);
  expect((await plain.ended()).code).toBe(status.UNAVAILABLE);
});

test("connections after a renewal get the new certificate, and those before stay", async () => {
  const { server, connect } = await serve({ tls });
  const before = connect("before", pair("two"));
  await before.response(typeUrls.cluster);
  server.renewTls({ cert: pem("other-ca.pem"), key: pem("other-ca.key"), clientCa: tls.clientCa });
  expect((await connect("after", pair("two")).ended()).code).toBe(status.UNAVAILABLE);
  before.ask(typeUrls.endpoints, "a");
  await before.response(typeUrls.endpoints);
});

test.each([
  ["edge-1", "edge", ["spiffe://fleet.example/edge-1"], true],
  ["edge-1", "edge", ["spiffe://fleet.example/ns/edge"], true],
  ["edge-1", "edge", ["edge"], true],
  ["edge-1", "edge", ["other", "edge-1"], true],
  ["edge-1", "edge", ["edge-1.example"], false],
  ["edge-1", "edge", ["spiffe://edge-1/other"], false],
  ["edge-1", "", ["spiffe://fleet.example/"], false],
  ["edge-1", "edge", [], false],
  ["edge-1", "edge", undefined, false],
])("node %j of cluster %j with a certificate for %j: %s", (id, cluster, names, believed) => {
  expect(refusalOfNode({ id, cluster }, { address: "", names }) === undefined).toBe(believed);
});
