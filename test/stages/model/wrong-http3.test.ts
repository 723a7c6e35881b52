/**
 * Wrong inputs about HTTP/3, to clients and to endpoints: every diagnostic with its code, line and column.
 */
import { expect, it, test } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

const listener = (keys: string) => `gateways: { g: { listeners: [{ name: l, port: 443, ${keys} }] } }\n`;
const https = (keys: string, tls = "") =>
  `secrets: { s: { certificate: { nodeFile: a }, privateKey: { nodeFile: a } } }\n---\n${listener(`protocol: HTTPS, tls: { secret: s${tls} }, ${keys}`)}`;
const service = (keys: string) => `services: { a: { protocol: http3, endpoints: [], ${keys} } }\n`;
const auto = (keys: string) => service(keys).replace("http3", "auto");
const tls = "tls: { verify: none }";

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["HTTP/3 in the clear", listener("http3: true"), "invalid-value 1:59"],
  ["HTTP/3 of UDP", listener("protocol: UDP, http3: {}"), "invalid-value 1:74"],
  [
    "HTTP/3 of TLS that is passed on",
    listener("protocol: TLS, tls: { mode: passthrough }, http3: {}"),
    "invalid-value 1:102",
  ],
  ["HTTP/3 of gRPC clients", listener("protocol: GRPC_XDS, hostnames: [a], http3: {}"), "invalid-value 1:95"],
  ["nothing where it is switched off", listener("http3: false")],
  ["a word that is none", https("http3: 5"), "wrong-type 3:96"],
  ["a word that does not belong", https("http3: { port: 1 }"), "unknown-key 3:98"],
  ["an age with a fraction", https("http3: { maxAge: 1500ms }"), "invalid-value 3:106"],
  ["port 0", https("http3: { advertisedPort: 0 }"), "invalid-value 3:114"],
  ["the PROXY protocol", https("http3: true, proxyProtocol: {}"), "invalid-value 3:117"],
  ["connections by the firewall", https("http3: true, originalDestination: true"), "invalid-value 3:123"],
  ["connections to hand over", https("http3: true, useOriginalDst: true"), "invalid-value 3:118"],
  ["connections that are handed over", https("http3: true, bindToPort: false"), "invalid-value 3:114"],
  ["an old TLS", https("http3: true", ", maxVersion: TLSv1_2"), "invalid-value 3:99"],
  ["endpoints without TLS", "services: { a: { protocol: http3, endpoints: [] } }\n", "missing-key 1:28"],
  [
    "endpoints with TLS in one subset only",
    `services: { a: { protocol: http3, endpoints: [], subsets: { s: { labels: {}, ${tls} } } } }\n`,
    "missing-key 1:28",
    "empty-subset 1:74",
  ],
  ["endpoints with an old TLS", service("tls: { verify: none, maxVersion: TLSv1_2 }"), "invalid-value 1:83"],
  [
    "a subset with an old TLS",
    service(`${tls}, subsets: { s: { labels: {}, tls: { maxVersion: TLSv1_2 } } }`),
    "empty-subset 1:97",
    "invalid-value 1:120",
  ],
  ["the PROXY protocol to endpoints", service(`${tls}, connection: { proxyProtocol: V1 }`), "invalid-value 1:87"],
  ["a keepalive of TCP", service(`${tls}, connection: { tcpKeepalive: {} }`), "invalid-value 1:87"],
  [
    "connections for some requests only",
    service(`${tls}, connection: { maxRequestsPerConnection: 9 }`),
    "invalid-value 1:87",
  ],
  ["nothing of streams", service(`${tls}, connection: { maxConcurrentStreams: 9 }`), "unused-definition 1:13"],
  ["a check by gRPC", service(`${tls}, healthCheck: { grpc: {} }`), "invalid-value 1:88"],
  ["a socket", `services: { a: { protocol: http3, ${tls}, endpoints: ["unix:/run/a"] } }\n`, "invalid-value 1:70"],
  [
    "wherever a connection wanted to go",
    `services: { a: { protocol: http3, ${tls}, discovery: { originalDestination: {} } } }\n`,
    "invalid-value 1:28",
  ],
  [
    "the version of HTTP by ALPN, without TLS",
    "services: { a: { protocol: auto, endpoints: [] } }\n",
    "missing-key 1:28",
  ],
  ["the PROXY protocol before it", auto(`${tls}, connection: { proxyProtocol: V1 }`), "invalid-value 1:86"],
  [
    "connections for some requests only, of which some are QUIC",
    auto(`${tls}, connection: { maxRequestsPerConnection: 9 }`),
    "invalid-value 1:86",
  ],
  ["a TLS that QUIC is too new for", auto("tls: { verify: none, maxVersion: TLSv1_2 }"), "invalid-value 1:82"],
  [
    "a socket that QUIC cannot use",
    `services: { a: { protocol: auto, ${tls}, endpoints: ["unix:/a"] } }\n`,
    "invalid-value 1:69",
  ],
  [
    "nothing of what TCP can beside it",
    auto(`${tls}, connection: { tcpKeepalive: {}, maxConcurrentStreams: 9 }, healthCheck: { grpc: {} }`),
    "unused-definition 1:13",
  ],
  [
    "a check that ends the Envoy",
    `resources:
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: a
    connect_timeout: 1s
    health_checks:
      - { timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: { path: /, codec_client_type: HTTP3 } }
`,
    "envoy-refused 6:133",
  ],
])("tells %s", (_title, input, ...expected) => {
  expect(summarize(parseText(input).diagnostics)).toEqual(expected);
});

test("a UDP listener on the port of an HTTPS listener is in the way of HTTP/3, and of nothing else", () => {
  const udp = `gateways: { u: { listeners: [{ name: u, protocol: UDP, port: 443 }] } }\n`;
  const both = (keys: string) => parseText({ "a.yaml": https(keys), "b.yaml": udp }).diagnostics;
  expect(both("http3: false")).toEqual([]);
  expect(both("http3: true")).toMatchObject([
    {
      code: "conflicting-address",
      message: "two listeners of group `default` use 0.0.0.0 UDP port 443",
      at: { file: "b.yaml", line: 1 },
      related: { at: { file: "a.yaml" }, message: "first used by `g/l`" },
    },
  ]);
});
