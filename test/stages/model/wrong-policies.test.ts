/**
 * Wrong values of what policies and gateways can say beyond routing: each with its code, line, column and way out.
 */
import { expect, test } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

const policy = (parts: string): string => `policies: { p: ${parts} }\n`;
const log = (value: string): string =>
  `gateways: { g: { listeners: [{ name: http, port: 80 }], accessLogs: [${value}] } }\n`;

const rows: readonly (readonly [title: string, input: string, ...expected: string[]])[] = [
  ["an origin with a path", policy("{ cors: { allowOrigins: [https://a.b/x] } }"), "invalid-value 1:41"],
  ["an origin without a scheme", policy("{ cors: { allowOrigins: [a.b] } }"), "invalid-value 1:41"],
  ["no origin", policy("{ cors: { allowMethods: [GET] } }"), "missing-key 1:18"],
  [
    "credentials for every origin",
    policy('{ cors: { allowOrigins: ["*"], allowCredentials: true } }'),
    "invalid-value 1:65",
  ],
  ["an age of half a second", policy('{ cors: { allowOrigins: ["*"], maxAge: 500ms } }'), "invalid-value 1:55"],
  ["a part that is switched off in YAML 1.1", policy("{ cors: off }"), "yaml-ambiguous 1:24", "invalid-value 1:24"],
  [
    "an origin with a scheme where hosts are compared",
    policy("{ csrf: { additionalOrigins: [https://a.b] } }"),
    "invalid-value 1:46",
  ],
  ["a fault that does nothing", policy("{ fault: {} }"), "missing-key 1:25"],
  ["an abort with two answers", policy("{ fault: { abort: { status: 503, grpcStatus: 14 } } }"), "invalid-value 1:34"],
  ["an abort without an answer", policy("{ fault: { abort: { percent: 5 } } }"), "missing-key 1:34"],
  ["a delay of no time", policy("{ fault: { delay: { fixed: 0s } } }"), "invalid-value 1:43"],
  ["more than all", policy("{ fault: { delay: { fixed: 1s, percent: 101 } } }"), "invalid-value 1:56"],
  ["a log to nowhere", log("{ only: { errors: true } }"), "missing-key 1:70"],
  ["a log to two places", log("{ stdout: true, file: /x }"), "invalid-value 1:70"],
  ["a log of nothing", log("{ stdout: true, only: {} }"), "missing-key 1:92"],
  ["a line of text with fields", log('{ stdout: true, text: "%PROTOCOL%", fields: { a: b } }'), "invalid-value 1:114"],
  ["a format that ends nowhere", log('{ stdout: true, text: "100%" }'), "invalid-value 1:92"],
  [
    "fields for Envoy's own service",
    log("{ grpc: { service: s }, fields: { a: b } }"),
    "invalid-value 1:102",
    "dangling-reference 1:89",
  ],
  ["a log to a service that there is not", log("{ openTelemetry: { service: s } }"), "dangling-reference 1:98"],
];

test.each(rows)("%s", (_, input, ...expected) => {
  const { diagnostics } = parseText(input);
  const told = diagnostics.filter(({ code }) => code !== "unused-definition");
  expect(summarize(told).toSorted()).toEqual(expected.toSorted());
  for (const { hint, message } of told) {
    expect(hint, message).toBeDefined();
    expect(message).not.toMatch(/undefined|\[object/);
  }
});
