/**
 * Invariants 2 and 3 together: a file that was cut off, at whatever byte, is refused, held by the guard, or
 * means what the whole file means.
 *
 * Within these rules a cut can still be a valid and smaller config: whoever lists services line by line and
 * loses the last two of twenty has removed two services. That is what the thresholds of the guard are for, and
 * why JSON and flow style, of which every cut is refused, are safer to generate.
 */
import { expect, test } from "vitest";
import { checkRemoval } from "../../src/snapshot/removal-guard.ts";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import { diagnose } from "../support/diagnose.ts";

const yaml = `# a shop
gateways:
  public: { listeners: [{ name: http, port: 8080 }] }
routes:
  shop:
    hostnames: [shop.example.com]
    rules:
      - matches: [{ path: /cart, headers: { x-a: { regex: "v[0-9]+" } } }]
        backends: [{ service: cart }]
      - { backends: [{ service: shop, subset: stable }] }
services:
  cart: { endpoints: ["127.0.0.1:1"] }
  shop: { endpoints: [{ address: "127.0.0.1:2", labels: { version: v1 } }], subsets: { stable: { labels: { version: v1 } } } }
`;

const json = JSON.stringify({
  gateways: { public: { listeners: [{ name: "http", port: 8080 }] } },
  services: { shop: { endpoints: ["127.0.0.1:1"] } },
  routes: { shop: { rules: [{ backends: [{ service: "shop" }] }] } },
});

function only(snapshots: ReadonlyMap<unknown, Snapshot>): Snapshot {
  const [snapshot] = snapshots.values();
  if (snapshot === undefined) throw new Error("the sample is wrong");
  return snapshot;
}

test("JSON is refused at every cut", () => {
  const whole = new TextEncoder().encode(json);
  expect(diagnose(whole).isServed).toBe(true);
  for (let length = 0; length < whole.length; length += 1) {
    expect(diagnose(whole.subarray(0, length)).isServed, `${length} bytes`).toBe(false);
  }
});

test("YAML is refused, held or the same at every cut", () => {
  const whole = new TextEncoder().encode(yaml);
  const served = only(diagnose(whole).snapshots);
  const fates = new Map<string, number>();
  for (let length = 0; length < whole.length; length += 1) {
    const { isServed, snapshots } = diagnose(whole.subarray(0, length));
    const fate = !isServed
      ? "refused"
      : only(snapshots).version === served.version
        ? "same"
        : checkRemoval(served, only(snapshots), { mode: "on" }).kind;
    expect(fate, JSON.stringify(yaml.slice(0, length).split("\n").at(-1))).not.toBe("allowed");
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
  }
  // Each of the three ways out was taken.
  expect([...fates.keys()].toSorted()).toEqual(["held", "refused", "same"]);
});
