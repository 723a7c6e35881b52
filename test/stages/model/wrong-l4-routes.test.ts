/**
 * Wrong inputs about TCP and TLS: every diagnostic with its code, line and column, and what the sentences say.
 */
import { expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { parseText, summarize } from "./parse-text.ts";

const services = `services: { a: { endpoints: ["10.0.0.1:80"] } }\n`;
const listener = (keys: string): string =>
  `${services}gateways: { g: { listeners: [{ name: l, port: 80, ${keys} }] } }\n`;
const tls = "protocol: TLS, tls: { mode: passthrough }";
const backends = "backends: [{ service: a }]";
const secrets = "secrets: { s: { certificate: { file: s.pem }, privateKey: { file: s.key } } }\n";

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["TLS without a word about it", listener("protocol: TLS"), "missing-key 2:30"],
  ["TLS of TCP", listener("protocol: TCP, tls: { mode: passthrough }"), "invalid-value 2:71"],
  ["hostnames of TCP", listener("protocol: TCP, hostnames: [a.test]"), "invalid-value 2:77"],
  ["HTTPS that passes through", listener("protocol: HTTPS, tls: { mode: passthrough }"), "invalid-value 2:81"],
  ["TLS that ends here without a secret", listener("protocol: TLS, tls: { mode: terminate }"), "missing-key 2:71"],
  [
    "a secret of what passes through",
    listener("protocol: TLS, tls: { mode: passthrough, secret: s }") + secrets,
    "invalid-value 2:100",
  ],
  ["a mode that is none", listener("protocol: TLS, tls: { mode: Passthrough }"), "invalid-value 2:79"],
  ["no backends", `${listener("protocol: TCP")}tcpRoutes: { r: {} }\n`, "missing-key 3:17"],
  ["rules", `${listener("protocol: TCP")}tcpRoutes: { r: { rules: [] } }\n`, "unknown-key 3:19"],
  [
    "hostnames of a TCP route",
    `${listener("protocol: TCP")}tcpRoutes: { r: { hostnames: [a.test], ${backends} } }\n`,
    "unknown-key 3:19",
  ],
  [
    "a hostname twice",
    `${listener(tls)}tlsRoutes: { r: { hostnames: [a.test, A.test], ${backends} } }\n`,
    "duplicate-name 3:39",
  ],
  [
    "weights that are all 0",
    `${listener("protocol: TCP")}tcpRoutes: { r: { backends: [{ service: a, weight: 0 }] } }\n`,
    "invalid-value 3:29",
  ],
  [
    "a service that is not there",
    `${listener("protocol: TCP")}tcpRoutes: { r: { backends: [{ service: b }] } }\n`,
    "dangling-reference 3:41",
  ],
  [
    "a split that is not there",
    `${listener("protocol: TCP")}tcpRoutes: { r: { split: s } }\n`,
    "dangling-reference 3:26",
  ],
  [
    "a listener that is not there",
    `${listener("protocol: TCP")}tcpRoutes: { r: { gateways: [g/x], ${backends} } }\n`,
    "dangling-reference 3:30",
  ],
  [
    "a listener of another kind",
    `${listener("protocol: HTTP")}tcpRoutes: { r: { gateways: [g/l], ${backends} } }\n`,
    "invalid-value 3:30",
  ],
  [
    "a route of requests on TCP",
    `${listener("protocol: TCP")}routes: { r: { gateways: [g], rules: [{ ${backends} }] } }\n`,
    "invalid-value 3:27",
  ],
  [
    "two routes of a TCP listener",
    `${listener("protocol: TCP")}tcpRoutes: { r: { ${backends} }, s: { ${backends} } }\n`,
    "conflicting-route 3:49",
  ],
  [
    "a hostname of two routes of a port",
    `${services}gateways: { g: { listeners: [{ name: l, port: 80, ${tls} }, { name: m, port: 80, ${tls} }] } }\ntlsRoutes: { r: { gateways: [g/l], hostnames: [a.test], ${backends} }, s: { gateways: [g/m], hostnames: [a.test, b.test], ${backends} } }\n`,
    "conflicting-route 3:87",
  ],
  [
    "a hostname of a route and of HTTPS",
    `${services}gateways: { g: { listeners: [{ name: l, port: 80, ${tls} }, { name: m, port: 80, protocol: HTTPS, hostnames: [a.test], tls: { secret: s } }] } }\ntlsRoutes: { r: { hostnames: [a.test], ${backends} } }\n${secrets}`,
    "conflicting-route 3:14",
  ],
  ["hostnames of UDP", listener("protocol: UDP, hostnames: [a.test]"), "invalid-value 2:77"],
  ["TLS of UDP", listener("protocol: UDP, tls: { mode: passthrough }"), "invalid-value 2:71"],
  [
    "two backends of UDP",
    `${listener("protocol: UDP")}udpRoutes: { r: { backends: [{ service: a }, { service: a }] } }\n`,
    "invalid-value 3:46",
  ],
  [
    "two routes of a UDP listener",
    `${listener("protocol: UDP")}udpRoutes: { r: { ${backends} }, s: { ${backends} } }\n`,
    "conflicting-route 3:49",
  ],
  [
    "a route of TCP on UDP",
    `${listener("protocol: UDP")}tcpRoutes: { r: { gateways: [g], ${backends} } }\n`,
    "invalid-value 3:30",
  ],
  [
    "TCP and TLS on one port",
    `${services}gateways: { g: { listeners: [{ name: l, port: 80, ${tls} }, { name: m, port: 80, protocol: TCP }] } }\n`,
    "conflicting-address 2:113",
  ],
])("tells %s", (_title, input, ...expected) => {
  expect(summarize(parseText(input).diagnostics)).toEqual(expected);
});

it("takes the same hostname on listeners of two groups, and a wildcard beside one of its names", () => {
  const { diagnostics } = parseText(`nodes: { x: { match: { cluster: x } }, z: { match: { cluster: z } } }
${services}gateways:
  g: { nodes: x, listeners: [{ name: l, port: 80, ${tls} }] }
  h: { nodes: z, listeners: [{ name: l, port: 80, ${tls} }] }
tlsRoutes:
  r: { gateways: [g], hostnames: [a.test], ${backends} }
  s: { gateways: [h], hostnames: [a.test], ${backends} }
  t: { hostnames: ["*.test"], ${backends} }
`);
  expect(diagnostics).toEqual([]);
});

it("says which of the two is written where", () => {
  const { diagnostics } = parseText(`${listener("protocol: HTTP")}tcpRoutes: { r: { gateways: [g], ${backends} } }\n`);
  expect(diagnostics).toMatchObject([
    {
      message: "`g` has no listener of TCP, which routes under `tcpRoutes` are for",
      hint: "name another listener, or write the route under `routes`",
    },
  ]);
});

/** A route of a kind to a service with these words. */
const unread = (kind: "tcp" | "udp", words: string) =>
  `services: { a: { endpoints: ["10.0.0.1:80"], ${words} } }\ngateways: { g: { listeners: [{ name: l, port: 80, protocol: ${kind.toUpperCase()} }] } }\n${kind}Routes: { r: { ${backends} } }\n`;
const hash = (keys: string) => `loadBalancer: { policy: RING_HASH, hashOn: [${keys}] }`;

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["a listener without a route", listener("protocol: TCP"), "unrouted-listener 2:30", "unused-definition 1:13"],
  ["a route without a listener", `${services}tcpRoutes: { r: { ${backends} } }\n`, "unused-definition 2:14"],
  [
    "a route whose hostnames are elsewhere",
    `${listener(`${tls}, hostnames: [a.test]`)}tlsRoutes: { r: { hostnames: [b.test], ${backends} } }\n`,
    "unrouted-listener 2:30",
    "no-common-hostname 3:14",
  ],
  [
    "TLS inside of TLS",
    `services: { a: { endpoints: ["10.0.0.1:80"], tls: { verify: none } } }\ngateways: { g: { listeners: [{ name: l, port: 80, ${tls} }] } }\ntlsRoutes: { r: { ${backends} } }\n`,
    "double-tls 3:30",
  ],
  [
    "words for connections at datagrams",
    unread("udp", "protocol: grpc, tls: { verify: none }, connection: { proxyProtocol: V2 }"),
    ...Array.from({ length: 3 }, () => "unread-ignores 3:30"),
  ],
  ["a hash for datagrams", unread("udp", hash("{ sourceIp: true }")), "unread-ignores 3:30"],
  ["a hash of what is not read", unread("tcp", hash("{ header: x }")), "unread-ignores 3:30"],
  ["nothing of a hash of addresses", unread("tcp", hash("{ header: x }, { sourceIp: true }"))],
  ["nothing of QUIC that passes", unread("udp", "protocol: http3, tls: { verify: none }")],
  ["nothing of TLS for connections", unread("tcp", "protocol: grpc, tls: { verify: none }")],
  ["nothing of what is right", `${listener("protocol: TCP")}tcpRoutes: { r: { ${backends} } }\n`],
])("warns of %s", (_title, input, ...expected) => {
  expect(summarize(lintText(input)).toSorted()).toEqual(expected.toSorted());
});
