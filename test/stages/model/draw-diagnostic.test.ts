/**
 * How problems look in a terminal.
 */
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { drawDiagnostic, drawDiagnostics } from "../../../src/model/draw-diagnostic.ts";
import { parseText } from "./parse-text.ts";

function first(text: string): Diagnostic {
  const [diagnostic] = parseText(text).diagnostics;
  if (diagnostic === undefined) throw new Error("the text has no problem");
  return diagnostic;
}

describe("a drawn diagnostic", () => {
  it("underlines what is meant under its line and says the way out", () => {
    expect(drawDiagnostic(first("services:\n  shop:\n    endpoint: []\n    endpoints: []\n"))).toMatchInlineSnapshot(`
      "fairway.yaml:3:5: error[unknown-key]: unknown key \`endpoint\`
        3 |     endpoint: []
          |     ^^^^^^^^
        in services.shop.endpoint
        hint: did you mean \`endpoints\`?"
    `);
  });

  it("names the second place", () => {
    expect(drawDiagnostic(first("services:\n  a: { endpoints: [] }\n  a: { endpoints: [] }\n"))).toMatchInlineSnapshot(`
      "fairway.yaml:3:3: error[duplicate-name]: \`a\` is written twice in the same map
        3 |   a: { endpoints: [] }
          |   ^
        in services.a
        hint: keep one of them
        see: fairway.yaml:2:3: first written here"
    `);
  });

  it("shows the part of a long line that matters", () => {
    const line = `services: { a: { endpoints: [${'"10.0.0.1:80", '.repeat(8)}"10.0.0.2"] } }`;
    const long = parseText(line).diagnostics.find(({ code }) => code === "invalid-value");
    expect(long && drawDiagnostic(long)).toMatchInlineSnapshot(`
      "fairway.yaml:1:150: error[invalid-value]: the address "10.0.0.2" has no port
        1 | 0.1:80", "10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80", "10.0.0.2"] } }
          |                                                       ^^^^^^^^^^
        in services.a.endpoints[8]
        hint: write an IP address and a port: 10.0.0.1:8080 or [::1]:8080"
    `);
  });

  it("keeps tabs from moving the underline and control characters from the terminal", () => {
    const evil = { ...first('{\n\t"services": {\n\t\t"a": 5 }}'), message: "red\u001B[31m\u202E" };
    expect(drawDiagnostic(evil)).toMatchInlineSnapshot(`
      "fairway.yaml:3:8: error[wrong-type]: red?[31m?
        3 |   "a": 5 }}
          |        ^
        in services.a
        hint: for example \`a: { endpoints: ["10.0.0.1:8080"] }\`"
    `);
  });

  it("has no source for a file that could not be read", () => {
    const at = { file: "a.yaml", line: 1, column: 1 };
    const message = "permission denied";
    expect(drawDiagnostic({ code: "source-unreadable", severity: "error", message, at })).toMatchInlineSnapshot(
      `"a.yaml:1:1: error[source-unreadable]: permission denied"`,
    );
  });

  it("is coloured only when asked", () => {
    const diagnostic = first("service: {}");
    expect(drawDiagnostic(diagnostic)).not.toContain("\u001B");
    expect(drawDiagnostic(diagnostic, { colour: true })).toContain("\u001B[31merror[unknown-key]\u001B[0m");
  });
});

describe("a list of diagnostics", () => {
  it("ends with their count", () => {
    const { diagnostics } = parseText(
      "services: { a: { endpoints: [], subsets: { b: { labels: { c: d } } } } }\nservice: {}\n",
    );
    expect(drawDiagnostics(diagnostics)).toMatchInlineSnapshot(`
      "fairway.yaml:1:57: warning[empty-subset]: no endpoint has the labels of subset \`b\` (c=d)
        1 | services: { a: { endpoints: [], subsets: { b: { labels: { c: d } } } } }
          |                                                         ^^^^^^^^
        in services.a.subsets.b.labels
        hint: requests to it are answered with 503 until an endpoint has them

      fairway.yaml:2:1: error[unknown-key]: unknown key \`service\`
        2 | service: {}
          | ^^^^^^^
        in service
        hint: did you mean \`services\`?

      1 error, 1 warning"
    `);
    expect(drawDiagnostics([])).toBe("");
  });
});
