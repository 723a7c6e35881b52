/**
 * Explanations of connections that nobody reads: the route by its line, the shares, and who is turned away.
 */
import { expect, test } from "vitest";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import type { RequestFacts } from "../../../src/explain/explain-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { intentOf } from "../model/parse-text.ts";

const config = `gateways:
  data:
    listeners:
      - { name: postgres, port: 5432, protocol: TCP }
      - { name: passed, port: 8443, protocol: TLS, tls: { mode: passthrough } }
services:
  a: { endpoints: ["10.0.0.1:80"] }
  b: { endpoints: ["10.0.0.2:80"] }
splits: { main: { backends: { a: { service: a }, b: { service: b } }, default: { a: 3, b: 1 } } }
tcpRoutes:
  postgres: { gateways: [data], split: main, timeouts: { idle: 10m }, maxConnectAttempts: 2 }
tlsRoutes:
  mail: { hostnames: [mail.test], backends: [{ service: b }] }
`;

function explain(url: string, text = config, method = "GET"): RequestFacts {
  const intent = intentOf(text);
  const asked = readAskedRequest({ method, url, headers: [] });
  if (!asked.ok) throw new Error(asked.error);
  return explainRequest(asked.value, {
    lookup: lookUpIn(snapshotOf(intent), envoyApi),
    origins: originsIn(intent, "default"),
  });
}

test("of TCP are the route, its split and what is in force", () => {
  expect(explain("http://db.test:5432/")).toMatchObject({
    listener: { name: "data/postgres", at: { line: 4 }, tls: false },
    route: { name: "postgres", at: { line: 11 }, split: { name: "main", at: { line: 9 } } },
    outcome: {
      kind: "forward",
      clusters: [
        { cluster: "a", percent: 75 },
        { cluster: "b", percent: 25 },
      ],
    },
    clusters: [{ name: "a", endpoints: [{ address: "10.0.0.1:80", at: { line: 7 } }] }, { name: "b" }],
    settings: [
      { name: "idle timeout", text: "600s" },
      { name: "connect tries", text: "2" },
    ],
  });
});

test("of TLS that passes through go by the name that is asked for", () => {
  expect(explain("https://mail.test:8443/")).toMatchObject({
    listener: { name: "0.0.0.0:8443", filterChain: "data/passed/mail", at: { line: 5 }, tls: true },
    route: { name: "mail", at: { line: 13 } },
    outcome: { kind: "forward", clusters: [{ cluster: "b", percent: 100 }] },
  });
  expect(explain("https://other.test:8443/")).toMatchObject({
    outcome: { kind: "refused" },
    nearListeners: [{ because: "its server name is mail.test" }],
  });
  expect(explain("http://mail.test:8443/")).toMatchObject({
    outcome: { kind: "refused" },
    nearListeners: [{ because: "it speaks TLS only; ask for https://" }],
  });
});

test("of a request that may change its connection is said to what, and by which line", () => {
  const text = `gateways: { g: { listeners: [{ name: l, port: 80 }], policies: [sockets] } }
policies: { sockets: { upgrades: [websocket] } }
services: { a: { endpoints: ["10.0.0.1:80"] } }
routes:
  r:
    rules: [{ backends: [{ service: a }] }, { connect: terminate, backends: [{ service: a }] }]
`;
  const upgrades = (method: string) =>
    explain("http://a.test/", text, method).settings.filter(({ name }) => name === "upgrades");
  expect(upgrades("GET")).toEqual([
    {
      name: "upgrades",
      text: "websocket",
      at: expect.objectContaining({ line: 2 }),
      origin: "policy sockets, attached to gateway g",
    },
  ]);
  expect(upgrades("CONNECT")).toEqual([{ name: "upgrades", text: "CONNECT, ended here" }]);
  const both = text.replace("port: 80 }", "port: 80, http2: { extendedConnect: true } }");
  expect(explain("http://a.test/", both).settings).toContainEqual(
    expect.objectContaining({ name: "upgrades", text: "websocket, also over HTTP/2" }),
  );
});
