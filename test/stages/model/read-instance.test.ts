/** What an instance may say of itself in etcd, and what becomes of what it must not. */
import { describe, expect, test } from "vitest";
import { InstanceIndex } from "../../../src/model/instance-index.ts";
import { readInstance } from "../../../src/model/read-instance.ts";

const prefix = "/services/shop/";

function read(value: string | Uint8Array, id = "one") {
  return readInstance({ key: `${prefix}${id}`, value: Buffer.from(value), revision: 7 }, prefix);
}

describe("an instance", () => {
  test.each([
    ["10.0.0.1:80", { host: "10.0.0.1", port: 80, labels: {} }],
    [" [::1]:80\n", { host: "::1", port: 80, labels: {} }],
    ['{"address":"10.0.0.1:80"}', { host: "10.0.0.1", port: 80, labels: {} }],
    ['{"address":"10.0.0.1:80","draining":true,"metadata":{"pod":["a"]}}', { health: "draining" }],
    [
      '{"address":"10.0.0.1:80","labels":{"version":"v2"},"locality":"eu/a","weight":3,"health":"healthy"}',
      { labels: { version: "v2" }, locality: { region: "eu", zone: "a" }, weight: 3, health: "healthy" },
    ],
  ])("may be %s", (value, endpoint) => {
    expect(read(value)).toMatchObject({ ok: true, value: { at: { file: "etcd:/services/shop/one@7" }, ...endpoint } });
  });

  test.each([
    ["", /""/],
    ["shop:80", /shop:80/],
    ["10.0.0.1:70000", /70000/],
    ["{", /not valid JSON/],
    ["[]", /\[\]/],
    ["{}", /address/],
    ['{"address":"10.0.0.1:80","weight":0}', /^`weight` must be at least 1, but is 0/],
    ['{"address":"10.0.0.1:80","wieght":1}', /^unknown key `wieght` \(did you mean `weight`\?\)$/],
    [
      '{"address":"10.0.0.1:80","priority":-1,"labels":{"a":1}}',
      /^labels: `a` must be .+; `priority` must be at least 0/,
    ],
    ['{"address":80}', /address/],
    [Buffer.from([0xc3, 0x28]), /not valid UTF-8/],
    ["x".repeat(20_000), /20000 bytes/],
  ])("is not %s, and the reason is told with its key and revision", (value, reason) => {
    expect(read(value)).toMatchObject({ ok: false, error: { key: "/services/shop/one", revision: 7 } });
    const result = read(value);
    expect(result.ok ? "" : result.error.message).toMatch(reason);
  });

  test.each([
    ["", /no instance id/],
    ["a/b", /slash/],
    ["a\uFFFD", /UTF-8/],
  ])("has no id such as %j", (id, reason) => {
    const result = read("10.0.0.1:80", id);
    expect(result.ok ? "" : result.error.message).toMatch(reason);
  });
});

describe("all instances", () => {
  const entry = (id: string, value: string, createdRevision = 1) => ({
    key: `${prefix}${id}`,
    value: Buffer.from(value),
    revision: 9,
    createdRevision,
  });

  test("are sorted by address, and of two at one address the one that came first stays, whatever their names", () => {
    const index = new InstanceIndex();
    const [old, newcomer, other] = [
      entry("b", "10.0.0.1:80", 5),
      entry("a", "10.0.0.1:80", 6),
      entry("c", "10.0.0.1:79"),
    ];
    index.take({ upserted: [newcomer, old, other], removed: [] });
    const { endpoints, problems } = index.below(prefix);
    expect(endpoints.map(({ port }) => port)).toEqual([79, 80]);
    expect(problems).toMatchObject([{ key: "/services/shop/a", message: expect.stringContaining("/services/shop/b") }]);
    index.take({ upserted: [], removed: [old.key] });
    expect(index.below(prefix), "then the other's turn has come").toMatchObject({
      endpoints: [{ port: 79 }, { at: { file: "etcd:/services/shop/a@9" } }],
      problems: [],
    });
    index.take({ upserted: [{ ...old, createdRevision: 6 }], removed: [] });
    expect(index.below(prefix).problems, "of one transaction the first by name").toMatchObject([{ key: old.key }]);
  });

  test("of a service stay the same object while another service's come and go", () => {
    const index = new InstanceIndex();
    index.take({ upserted: [entry("a", "10.0.0.1:80")], removed: [] });
    const before = index.below(prefix);
    index.take({ upserted: [{ ...entry("x", "10.0.0.2:80"), key: "/services/cart/x" }], removed: [] });
    expect(index.below(prefix)).toBe(before);
    index.take({ upserted: [], removed: [`${prefix}a`] });
    expect(index.below(prefix).endpoints).toEqual([]);
  });
});
