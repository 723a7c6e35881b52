/**
 * Warnings about services that would be asked in HTTP/3 if Envoy could learn that they take it.
 */
import { expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { summarize } from "../model/parse-text.ts";

/** A service behind two listeners, of which one has these keys. */
const text = (keys: string, service = 'endpoints: ["10.0.0.1:9443"]') => `services:
  s: { protocol: auto, ${service}, tls: { verify: none } }
routes: { r: { rules: [{ backends: [{ service: s }] }] } }
secrets: { c: { certificate: { nodeFile: a }, privateKey: { nodeFile: a } } }
gateways:
  g:
    listeners:
      - { name: a, port: 80 }
      - { name: b, port: 443, protocol: HTTPS, tls: { secret: c }, ${keys} }
      - { name: c, port: 444, protocol: HTTPS, tls: { secret: c }, ${keys} }
`;

it.each<readonly [title: string, input: string, ...expected: string[]]>([
  ["a listener that says something else in its place, once", text("http3: true"), "auto-stays-on-tcp 3:37"],
  [
    "the same of hosts that DNS finds",
    text("http3: true", "discovery: { dns: a.test:9443 }"),
    "auto-stays-on-tcp 3:37",
  ],
  ["nothing of a listener that says nothing", text("http3: false")],
  ["nothing of a listener that happens to say the same", text("http3: { advertisedPort: 9443 }")],
])("tells %s", (_title, input, ...expected) => {
  expect(summarize(lintText(input))).toEqual(expected);
});
