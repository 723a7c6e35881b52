/**
 * xDS over TLS: who gets in, and as whom.
 */
import { connect as connectTcp } from "node:net";
import { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { AdsTransport } from "../../src/xds/ads-server.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import type { DoorEvent, StreamEvent } from "../../src/xds/stream-event.ts";
import { refusalOfNode } from "../../src/xds/verify-node.ts";
import { XdsClient } from "../invariants/xds-client.ts";
import type { CertificateName } from "../support/certificates.ts";
import { pem } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
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

/** A fatal alert, as Envoy sends it in TLS 1.2 when it does not know who has signed. */
const unknownAuthority = Buffer.from([21, 3, 3, 0, 2, 2, 48]);

/** The first bytes of a client of TLS 1.2. */
function clientHello(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _, done) => {
      resolve(bytes);
      done();
    },
  });
  stack.defer(() => void wire.destroy());
  const client = connectTls({ socket: wire, servername: "one.test", ALPNProtocols: ["h2"], maxVersion: "TLSv1.2" });
  client.on("error", () => undefined);
  return promise;
}

async function serve(transport: AdsTransport) {
  const events: (StreamEvent | DoorEvent)[] = [];
  const emit = (emitted: readonly (StreamEvent | DoorEvent)[]) => void events.push(...emitted);
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
  const failures = () => events.filter((event) => event.kind === "handshakes-failed");
  return { server, port, connect, events, failures };
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
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "stream-refused",
        nodeId: "edge-1",
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      }),
    );
  });
});

describe("a handshake that fails is told with its peer and what to look at:", () => {
  const foreign = { cert: pem("other-ca.pem"), key: pem("other-ca.key") };
  test.each<[string, ConnectionOptions, string]>([
    ["no certificate", {}, "it showed no certificate: its bootstrap names none, and --xds-client-ca asks for one"],
    ["a foreign one", foreign, "it showed a certificate that no authority in --xds-client-ca has signed"],
    ["an old one", pair("expired"), "it showed a certificate that is not valid now: renew it, or set its clock"],
    [
      "another CA",
      { ...pair("two"), ca: pem("other-ca.pem"), maxVersion: "TLSv1.3" },
      "it hung up in the handshake, as one does that does not trust --xds-cert: compare its CA and the name it expects",
    ],
    ["no HTTP/2", { ...pair("two"), ALPNProtocols: ["http/1.1"] }, "it does not speak HTTP/2"],
    [
      "no TLS that is still safe",
      { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
      "it has no TLS version or cipher in common with this port, which speaks TLS 1.2 and 1.3",
    ],
  ])("%s", async (_, own, reason) => {
    const { port, failures } = await serve({ tls });
    const options = { port, host: "127.0.0.1", ca: pem("ca.pem"), servername: "one.test", ALPNProtocols: ["h2"] };
    const socket = connectTls({ ...options, ...own });
    stack.defer(() => void socket.destroy());
    socket.on("error", () => undefined);
    // A failed connection is not to be asked afterwards; and by the time of "connect" it is still there.
    const from = new Promise((resolve) => socket.once("connect", () => resolve(`127.0.0.1:${socket.localPort}`)));
    await eventually("the failure", () => failures().length > 0);
    expect(failures()).toEqual([
      { kind: "handshakes-failed", atMs: expect.any(Number), reason, count: 1, peer: await from },
    ]);
  });

  const plain = "it spoke plain text: its bootstrap has no TLS";
  test.each([
    ["gRPC in plain text", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), plain],
    ["HTTP in plain text", Buffer.from("GET / HTTP/1.1\r\n\r\n"), plain],
    ["an alert before anything else", unknownAuthority, "its handshake broke off"],
  ])("%s", async (_, bytes, reason) => {
    const { port, failures } = await serve({ tls });
    const socket = connectTcp({ port, host: "127.0.0.1" }, () => socket.write(bytes));
    stack.defer(() => void socket.destroy());
    socket.on("error", () => undefined);
    await eventually("the failure", () => failures().length > 0);
    expect(failures()).toMatchObject([{ reason, count: 1, peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }]);
  });

  test("the alert that an authority is unknown", async () => {
    const { port, failures } = await serve({ tls });
    const hello = await clientHello();
    const socket = connectTcp({ port, host: "127.0.0.1" }, () => socket.write(hello));
    stack.defer(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write(unknownAuthority));
    await eventually("the failure", () => failures().length > 0);
    const reason =
      "it does not trust the certificate of this port: compare its CA and the name it expects with --xds-cert";
    expect(failures()).toMatchObject([{ reason, count: 1, peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }]);
  });

  test("but who comes and goes without a word, as probes do, is not", async () => {
    const { port, failures } = await serve({ tls });
    const probe = connectTcp({ port, host: "127.0.0.1" }, () => probe.end());
    await new Promise((resolve) => probe.once("close", resolve));
    await stack.use(new XdsClient({ port })).ask(typeUrls.cluster).ended();
    await eventually("the failure after it", () => failures().length > 0);
    expect(failures()).toMatchObject([{ reason: plain }]);
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
