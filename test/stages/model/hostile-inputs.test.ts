/**
 * Inputs that are broken or made to break: nothing throws, nothing takes long, no prototype changes.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentOf, parseText } from "./parse-text.ts";
import { parseDocument } from "../../../src/model/parse-document.ts";

const sample = `# a shop, ümlaut included
services:
  shop:
    endpoints:
      - { address: "10.0.1.11:8080", labels: { version: &v v1 } }
      - "[::1]:80"
    subsets: { stable: { labels: { version: *v } } }
    connectTimeout: 250ms
routes:
  shop:
    hostnames: [shop.example.com, "*.shop.example.com"]
    rules:
      - matches: [{ path: /cart, headers: { x-a: { regex: "v[0-9]+" } } }]
        backends: [{ service: shop, subset: stable }]
---
resources:
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: raw
    connect_timeout: 3s
`;

describe("a truncated file", () => {
  it("never throws, whatever the byte it ends at", () => {
    const bytes = new TextEncoder().encode(sample);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseText(bytes.subarray(0, length))).not.toThrow();
    }
  });
});

describe("random inputs", () => {
  const words = [
    "{",
    "}",
    "[",
    "]",
    ":",
    "-",
    "?",
    "&a",
    "*a",
    "!!map",
    "|",
    ">",
    "'",
    '"',
    "\n",
    "  ",
    "\t",
    "#",
    "---",
    "<<",
    "%YAML 1.1\n",
  ];
  const soup = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 })), { maxLength: 60 });

  it("never throw", () => {
    fc.assert(
      fc.property(soup, (parts) => {
        parseText(parts.join(" "));
        parseText(parts.join(""));
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void parseText(bytes)));
  });

  it("give diagnostics whose place is inside the file", () => {
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join("");
        for (const { at } of parseText(text).diagnostics) {
          expect(at.line).toBeLessThanOrEqual(text.split("\n").length);
          expect(at.column).toBeLessThanOrEqual((text.split("\n")[at.line - 1]?.length ?? 0) + 1);
        }
      }),
    );
  });
});

describe("__proto__", () => {
  it("never reaches a prototype, wherever it is written", () => {
    const keys = fc.constantFrom("__proto__", "constructor", "prototype", "services", "resources", "a", "polluted");
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(1, "x", null, true),
        fc.array(tie("tree"), { maxLength: 2 }),
        fc.array(fc.tuple(keys, tie("tree")), { maxLength: 3 }).map(entriesToJson),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = toJson(value);
        const parsed = parseDocument(documentOf("a.json", text));
        parseText(text);
        for (const document of parsed.documents) expectNoPrototype(document.value);
        expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
      }),
    );
  });

  it("is an unknown key, also in a raw resource", () => {
    const text = `resources: [{ "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, "__proto__": { x: 1 } }]`;
    expect(parseText(text).diagnostics).toMatchObject([{ code: "unknown-key" }]);
  });
});

describe("inputs made to be slow", () => {
  it("refuses aliases that multiply", () => {
    const levels = Array.from({ length: 10 }, (_, level) => {
      const inner = level === 0 ? "x" : `*a${level - 1}`;
      return `k${level}: &a${level} [${Array.from({ length: 9 }, () => inner).join(",")}]\n`;
    });
    expect(parseText(levels.join("")).diagnostics).toMatchObject([{ code: "yaml-limit" }]);
  });

  it.each([
    ["open brackets", "[".repeat(200_000)],
    ["nested lists", "- ".repeat(100_000)],
    ["nested maps", "{a: ".repeat(50_000)],
    ["explicit keys", "? ".repeat(100_000)],
    ["indentation", Array.from({ length: 1_000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("")],
    ["documents", "---\n".repeat(100_000)],
  ])("refuses %s early", (_, text) => {
    expect(parseText(text).diagnostics).toMatchObject([{ code: "yaml-limit" }]);
  });
});

/** A map that survives `toJson` with any key. */
function entriesToJson(entries: readonly (readonly [string, unknown])[]): Map<string, unknown> {
  return new Map(entries);
}

function toJson(value: unknown): string {
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}: ${toJson(item)}`).join(", ")}}`;
  }
  return Array.isArray(value) ? `[${value.map(toJson).join(", ")}]` : JSON.stringify(value);
}

function expectNoPrototype(value: unknown): void {
  if (value === null || typeof value !== "object") return;
  if (!Array.isArray(value)) {
    // Nothing is inherited, and nobody can change that.
    const prototype: unknown = Object.getPrototypeOf(value);
    expect(Object.getPrototypeOf(prototype)).toBeNull();
    expect(Reflect.ownKeys(prototype as object)).toEqual([]);
    expect(Object.isFrozen(prototype)).toBe(true);
  }
  expect(Object.hasOwn(value, "__proto__")).toBe(false);
  Object.values(value).forEach(expectNoPrototype);
}
