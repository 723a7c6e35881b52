/**
 * Wrong inputs about upgrades and CONNECT, and warnings that rules with CONNECT must not bring.
 */
import { expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { parseText, summarize } from "./parse-text.ts";

const base = `services: { a: { endpoints: ["10.0.0.1:80"] } }\ngateways: { g: { listeners: [{ name: l, port: 80 }] } }\n`;
const listener = (keys: string) => `gateways: { g: { listeners: [{ name: l, port: 80, ${keys} }] } }\n`;
const rule = (keys: string): string => `${base}routes: { r: { rules: [{ ${keys} }] } }\n`;
const backends = "backends: [{ service: a }]";

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["CONNECT as an upgrade", rule(`upgrades: [connect], ${backends}`), "invalid-value 3:37"],
  ["an upgrade that is no token", rule(`upgrades: ["web socket"], ${backends}`), "invalid-value 3:37"],
  ["an upgrade twice", rule(`upgrades: [websocket, WebSocket], ${backends}`), "duplicate-name 3:48"],
  ["a way of CONNECT that there is not", rule(`connect: true, ${backends}`), "wrong-type 3:35"],
  ["CONNECT with a path", rule(`connect: terminate, matches: [{ path: /a }], ${backends}`), "invalid-value 3:64"],
  ["CONNECT with a method", rule(`connect: terminate, matches: [{ method: GET }], ${backends}`), "invalid-value 3:66"],
  [
    "CONNECT without backends",
    rule("connect: terminate, filters: [{ respond: { status: 200 } }]"),
    "invalid-value 3:35",
  ],
  [
    "CONNECT that is copied",
    rule(`connect: terminate, filters: [{ mirror: { service: a } }], ${backends}`),
    "invalid-value 3:66",
  ],
  ["HTTP/2 on a listener of TCP", listener("protocol: TCP, http2: {}"), "invalid-value 1:73"],
  ["HTTP/2 of gRPC clients", listener("protocol: GRPC_XDS, hostnames: [a], http2: {}"), "invalid-value 1:94"],
  [
    "HTTP/2 that is not offered",
    listener("protocol: HTTPS, tls: { secret: s, alpn: [http/1.1] }, http2: {}"),
    "dangling-reference 1:83",
    "invalid-value 1:113",
  ],
  ["a word of HTTP/2 that is none", listener("http2: { connect: true }"), "unknown-key 1:60"],
  ["another word for it", rule(`websocket: true, ${backends}`), "unknown-key 3:26"],
])("tells %s", (_title, input, ...expected) => {
  expect(summarize(parseText(input).diagnostics)).toEqual(expected);
});

it("does not call a rule shadowed by one of CONNECT, or the other way round", () => {
  const rules = `rules: [{ connect: forward, ${backends} }, { ${backends} }]`;
  expect(lintText(`${base}routes: { r: { ${rules} } }\n`)).toEqual([]);
});

it("warns of a listener that offers WebSockets over HTTP/2 where no rule allows any", () => {
  const offered = (keys: string) => rule(keys).replace("port: 80 }", "port: 80, http2: { extendedConnect: true } }");
  const refused = ["no-upgrade-allowed 2:30"];
  expect(summarize(lintText(offered(backends)))).toEqual(refused);
  expect(summarize(lintText(offered(`upgrades: [], ${backends}`)))).toEqual(refused);
  expect(summarize(lintText(offered(`connect: forward, ${backends}`)))).toEqual(refused);
  expect(lintText(offered(`upgrades: [websocket], ${backends}`))).toEqual([]);
});
