/**
 * Wrong inputs about connections that the firewall leads to Envoy: every diagnostic with its code, line and column.
 */
import { expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { parseText, summarize } from "./parse-text.ts";

const service = (keys: string) => `services: { a: { discovery: { originalDestination: {} }${keys} } }\n`;
const listener = (keys: string) => `gateways: { g: { listeners: [{ name: l, port: 80, ${keys} }] } }\n`;
const tls = "protocol: TLS, tls: { mode: passthrough }";
const pair = (left: string, right: string) =>
  `gateways: { g: { listeners: [{ name: l, port: 80, ${tls}${left} }, { name: m, ${tls}${right}, port: 80 }] } }\n`;

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["a word that is no boolean", listener("originalDestination: {}"), "wrong-type 1:72"],
  ["handing over what was handed over", listener("bindToPort: false, useOriginalDst: true"), "invalid-value 1:86"],
  ["UDP by the firewall", listener("protocol: UDP, originalDestination: true"), "invalid-value 1:87"],
  ["UDP that is handed over", listener("protocol: UDP, bindToPort: false"), "invalid-value 1:78"],
  [
    "gRPC clients by the firewall",
    listener("protocol: GRPC_XDS, hostnames: [a], useOriginalDst: true"),
    "invalid-value 1:103",
  ],
  ["a port of which half is opened", pair("", ", bindToPort: false"), "conflicting-address 1:175"],
  ["a port of which half is asked for", pair(", originalDestination: true", ""), "conflicting-address 1:183"],
  ["a port of which half is handed over", pair(", useOriginalDst: true", ""), "conflicting-address 1:178"],
  ["no way to hosts", "services: { a: { discovery: {} } }\n", "missing-key 1:18"],
  [
    "two ways to hosts",
    "services: { a: { discovery: { etcd: {}, originalDestination: {} } } }\n",
    "invalid-value 1:41",
  ],
  ["endpoints beside it", service(", endpoints: []"), "invalid-value 1:18"],
  ["hosts to choose among", service(", loadBalancer: { policy: RANDOM }"), "invalid-value 1:58"],
  ["hosts to check", service(", healthCheck: { tcp: {} }"), "invalid-value 1:58"],
  ["hosts with labels", service(", subsets: { s: { labels: {} } }"), "invalid-value 1:58"],
  ["port 0", "services: { a: { discovery: { originalDestination: { port: 0 } } } }\n", "invalid-value 1:60"],
])("tells %s", (_title, input, ...expected) => {
  expect(summarize(parseText(input).diagnostics)).toEqual(expected);
});

const routed = (kind: string, keys: string) =>
  `${service("")}${listener(keys)}${kind}: { r: { gateways: [g], ${kind === "routes" ? "rules: [{ backends: [{ service: a }] }]" : "backends: [{ service: a }]"} } }\n`;

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["requests to where nobody knows", routed("routes", "protocol: HTTP"), "no-original-destination 3:52"],
  ["connections to where nobody knows", routed("tcpRoutes", "protocol: TCP"), "no-original-destination 3:45"],
  ["a listener to which nothing is handed over", routed("routes", "bindToPort: false"), "never-handed-over 2:30"],
  ["nothing where the kernel is asked", routed("routes", "originalDestination: true")],
  ["nothing where the load balancer says it", routed("tcpRoutes", "protocol: TCP, proxyProtocol: {}")],
])("warns of %s", (_title, input, ...expected) => {
  expect(summarize(lintText(input))).toEqual(expected);
});
