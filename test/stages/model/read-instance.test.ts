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
    ['{"address":"10.0.0.1:80","weight":0}', /weight/],
    ['{"address":"10.0.0.1:80","wieght":1}', /unknown key "wieght"/],
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
  const entry = (id: string, value: string, revision = 1) => ({
    key: `${prefix}${id}`,
    value: Buffer.from(value),
    revision,
  });

  test("are sorted by address, and the second of two at one address is left out", () => {
    const index = new InstanceIndex();
    index.take({
      upserted: [entry("b", "10.0.0.1:80"), entry("a", "10.0.0.1:80"), entry("c", "10.0.0.1:79")],
      removed: [],
    });
    const { endpoints, problems } = index.below(prefix);
    expect(endpoints.map(({ port }) => port)).toEqual([79, 80]);
    expect(problems).toMatchObject([{ key: "/services/shop/b", message: expect.stringContaining("/services/shop/a") }]);
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
