/**
 * Who a real Envoy takes a client for, and which paths and headers it takes.
 */
import { request } from "node:http";
import { expect, test } from "vitest";
import { freePorts } from "../../demo/kit/ports.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

/** The status for a connection from an address of its own; every 127.x is this machine. */
async function statusFrom(
  address: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const client = request(url, { localAddress: address, agent: false, headers }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  client.once("error", reject);
  client.end();
  return promise;
}

test("lists of addresses and limits go by the client that trusted proxies name, and odd paths and headers are kept out", async () => {
  const [ranges = 0, header = 0, unset = 0] = await freePorts(3);
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  hops:
    listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }]
    clientIPDetection: { xForwardedFor: { numTrustedHops: 1 } }
    path: { escapedSlashesAction: RejectRequest, disableMergeSlashes: true }
    headers:
      withUnderscoresAction: RejectRequest
      requestID: PreserveOrGenerate
      serverHeader: PASS_THROUGH
      earlyRequestHeaders: { set: { x-tag: "100%" }, remove: [x-staff] }
  ranges:
    listeners: [{ name: http, port: ${ranges}, address: 127.0.0.1 }]
    clientIPDetection: { xForwardedFor: { trustedCIDRs: [127.0.0.1, 10.0.0.0/8] } }
    path: { escapedSlashesAction: UnescapeAndForward }
    headers: { withUnderscoresAction: DropHeader }
  header:
    listeners: [{ name: http, port: ${header}, address: 127.0.0.1 }]
    clientIPDetection: { customHeader: { name: X-Real-IP, failClosed: true } }
  unset: { listeners: [{ name: http, port: ${unset}, address: 127.0.0.1 }] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  office: { authorization: { rules: [{ action: allow, clientCIDRs: [192.0.2.0/24] }] } }
  peers: { authorization: { rules: [{ action: allow, peerCIDRs: [127.0.0.0/8] }] } }
  each: { rateLimit: { local: { buckets: [{ each: { clientAddress: true }, requests: 1, per: 1h }, { requests: 9, per: 1h }] } } }
routes:
  any:
    rules:
      - { matches: [{ path: /office }], policies: [office], backends: [{ service: one }] }
      - { matches: [{ path: /peers }], policies: [peers], backends: [{ service: one }] }
      - { matches: [{ path: /each }], policies: [each], backends: [{ service: one }] }
      - { matches: [{ path: /staff, headers: { x-staff: "yes" } }], filters: [{ respond: { status: 202 } }] }
      - { backends: [{ service: one }] }
`,
  });
  const at = (port: number, path: string) => `http://127.0.0.1:${port}${path}`;
  const forwarded = (list: string) => ({ "x-forwarded-for": list });
  const office = async (port: number, headers: Readonly<Record<string, string>>) =>
    (await ask(at(port, "/office"), headers)).status;

  // One proxy: only what it has added counts, not what the client wrote before it.
  expect(await office(scene.port, forwarded("192.0.2.7"))).toBe(200);
  expect(await office(scene.port, forwarded("192.0.2.7, 198.51.100.1"))).toBe(403);
  expect(await office(scene.port, {})).toBe(403);
  expect((await ask(at(scene.port, "/peers"), forwarded("198.51.100.1"))).status).toBe(200);
  const limited = async (client: string) =>
    (await ask(at(scene.port, "/each"), forwarded(`203.0.113.9, ${client}`))).status;
  expect(await Promise.all([limited("198.51.100.1"), limited("198.51.100.2")])).toEqual([200, 200]);
  expect([await limited("198.51.100.1"), await limited("198.51.100.3")]).toEqual([429, 200]);

  // Proxies by address: the last that is none of them, and only when one of them connects.
  expect(await office(ranges, forwarded("198.51.100.1, 192.0.2.7, 10.1.2.3"))).toBe(200);
  expect(await office(ranges, forwarded("192.0.2.7, 198.51.100.1, 10.1.2.3"))).toBe(403);
  expect(await statusFrom("127.0.0.2", at(ranges, "/office"), forwarded("192.0.2.7"))).toBe(403);
  expect((await ask(at(ranges, "/"), forwarded("192.0.2.7"))).seen?.headers["x-forwarded-for"]).toMatch(
    /^192\.0\.2\.7, ?\S+$/,
  );

  // A header of its own.
  expect(await office(header, { "x-real-ip": "192.0.2.7" })).toBe(200);
  expect(await office(header, { "x-real-ip": "198.51.100.1", ...forwarded("192.0.2.7") })).toBe(403);
  expect((await ask(at(header, "/"))).status, "failClosed").toBe(403);
  expect(await office(unset, { "x-real-ip": "192.0.2.7", ...forwarded("192.0.2.7") }), "nobody is believed").toBe(403);

  // Whoever a client is said to be, its headers for Envoy itself are those of somebody outside.
  const forEnvoy = { "x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-retry-on": "5xx" };
  for (const [port, name] of [
    [scene.port, forwarded("192.168.0.1")],
    [ranges, forwarded("192.168.0.1")],
    [header, { "x-real-ip": "192.168.0.1" }],
    [unset, {}],
  ] as const) {
    const { seen } = await ask(at(port, "/"), { ...name, ...forEnvoy });
    for (const inside of ["x-envoy-internal", "x-envoy-retry-on"]) expect(seen?.headers).not.toHaveProperty(inside);
    expect(seen?.headers["x-envoy-expected-rq-timeout-ms"]).toBe("15000");
  }

  // Paths and headers.
  expect((await ask(at(scene.port, "/a%2Fb"))).status).toBe(400);
  expect((await ask(at(ranges, "/a%2Fb"))).seen?.path).toBe("/a/b");
  expect((await ask(at(unset, "/a%2Fb"))).seen?.path).toBe("/a%2Fb");
  expect((await ask(at(scene.port, "/a//b"))).seen?.path).toBe("/a//b");
  expect((await ask(at(unset, "/a//../b"))).seen?.path).toBe("/a/b");
  expect((await ask(at(scene.port, "/"), { x_odd: "1" })).status).toBe(400);
  expect((await ask(at(ranges, "/"), { x_odd: "1" })).seen?.headers).not.toHaveProperty("x_odd");
  expect((await ask(at(unset, "/"), { x_odd: "1" })).seen?.headers).toHaveProperty("x_odd");
  const id = "0f0f0f0f-0000-4000-8000-000000000001";
  const kept = await ask(at(scene.port, "/staff"), { "x-request-id": id, "x-staff": "yes" });
  expect(kept, "the header is gone before routes see it").toMatchObject({ status: 200 });
  expect(kept.seen?.headers).toMatchObject({ "x-request-id": id, "x-tag": "100%" });
  expect(kept.headers["server"]).not.toBe("envoy");
  const made = await ask(at(unset, "/"), { "x-request-id": id });
  expect(made.seen?.headers["x-request-id"]).not.toBe(id);
  expect(made.headers["server"]).toBe("envoy");
  expect((await ask(at(unset, "/staff"), { "x-staff": "yes" })).status).toBe(202);
});
