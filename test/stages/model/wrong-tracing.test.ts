/**
 * Wrong values of `tracing`: each with its code, line, column and way out; and what lint says of right ones.
 */
import { expect, test } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { parseText, summarize } from "./parse-text.ts";

const gateway = (tracing: string): string =>
  `gateways: { g: { listeners: [{ name: http, port: 80 }], tracing: ${tracing} } }\nservices: { c: { endpoints: [] } }\n`;
const tags = (written: string): string => gateway(`{ provider: { grpc: { service: c } }, customTags: ${written} }`);
const policy = (tracing: string): string => `policies: { p: { tracing: ${tracing} } }\n`;

const rows: readonly (readonly [title: string, input: string, ...expected: string[]])[] = [
  ["spans to nowhere", gateway("{}"), "missing-key 1:57"],
  ["a provider that is nobody", gateway("{ provider: {} }"), "missing-key 1:78"],
  [
    "a provider that is two",
    gateway("{ provider: { grpc: { service: c }, http: { service: c } } }"),
    "invalid-value 1:78",
  ],
  ["a service that there is not", gateway("{ provider: { grpc: { service: d } } }"), "dangling-reference 1:97"],
  ["a rule that names a provider", policy("{ provider: { grpc: { service: c } } }"), "unknown-key 1:29"],
  ["more than all requests", policy("{ samplingRate: 101 }"), "invalid-value 1:43"],
  ["a rule that lets clients force", policy("{ clientForce: true }"), "unknown-key 1:29"],
  ["a rate with a percent sign", policy("{ samplingRate: 1% }"), "wrong-type 1:43"],
  ["a tag from nowhere", tags("{ a: {} }"), "missing-key 1:121"],
  ["a tag from two places", tags("{ a: { header: x, literal: z } }"), "invalid-value 1:121"],
  ["a tag that is a text", tags("{ a: b }"), "wrong-type 1:121"],
  ["a literal that could be absent", tags("{ a: { literal: x, default: z } }"), "invalid-value 1:144"],
  ["metadata without a way to it", tags("{ a: { metadata: { namespace: jwt } } }"), "missing-key 1:123"],
  [
    "more tags than a span has room for",
    tags(`{ ${Array.from({ length: 101 }, (_, index) => `t${index}: { literal: x }`).join(", ")} }`),
    "invalid-value 1:116",
  ],
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

const traced = (provider: string, protocol: string): string => `gateways:
  g:
    listeners: [{ name: h, port: 80 }]
    ${provider}
services: { c: { endpoints: ["10.0.0.1:1", "10.0.0.2:1"]${protocol} } }
routes: { r: { rules: [{ backends: [{ service: c }], tracing: { samplingRate: 5 } }] } }
`;

test.each([
  ["spans", "tracing: { provider: { grpc: { service: c } } }", "", "receiver-not-grpc 4:5"],
  ["logs", "accessLogs: [{ grpc: { service: c } }]", "", "receiver-not-grpc 4:18", "untraced-rule 6:54"],
  ["spans over HTTP", "tracing: { provider: { http: { service: c } } }", ""],
  ["spans to a gRPC service", "tracing: { provider: { grpc: { service: c } } }", ", protocol: grpc"],
  ["nothing", "drain: { time: 60s }", "", "untraced-rule 6:54"],
])("lint says whether %s arrive, and whether a rule can be traced", (_, provider, protocol, ...expected) => {
  expect(summarize(lintText(traced(provider, protocol)))).toEqual(expected);
});
