/**
 * Snapshots to bytes and back, believing nothing.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { resourceVersion } from "../../../src/snapshot/encode-content.ts";
import { persistSnapshot, restoreSnapshot, snapshotTexts } from "../../../src/snapshot/persisted-snapshot.ts";
import type { Resource, VersionInfo } from "../../../src/snapshot/resource.ts";
import { createSnapshot, createTable } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { resourceName } from "../../../src/xds/offer.ts";
import { group, helloIntent, place } from "../../support/build-intent.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";

const snapshot = snapshotOf(helloIntent());

/** The persisted bytes with their JSON changed. */
function altered(change: (text: string) => string): Uint8Array {
  return gzipSync(change(gunzipSync(persistSnapshot(snapshot)).toString("utf8")));
}

describe("restoreSnapshot", () => {
  it("gives back what was persisted", () => {
    const restored = restoreSnapshot(persistSnapshot(snapshot));
    expect(restored.ok && restored.value).toEqual({
      ...snapshot,
      tables: new Map(
        [...snapshot.tables].map(([url, table]) => [
          url,
          {
            ...table,
            resources: new Map(
              [...table.resources].map(([name, of]) => [name, { ...of, body: new Uint8Array(of.body) }]),
            ),
          },
        ]),
      ),
    });
  });

  it("gives back what has an end with its end, which is a part of its version", () => {
    const lent = (ttlMs: number) => {
      const raw = { at: place(), typeUrl: typeUrls.cluster, name: "lent", ttlMs, json: { name: "lent" } };
      return snapshotOf({ ...helloIntent(), rawResources: [raw] });
    };
    const restored = restoreSnapshot(persistSnapshot(lent(60_000)));
    const tables = restored.ok ? restored.value.tables : undefined;
    expect(tables?.get(typeUrls.cluster)?.resources.get(resourceName("lent"))?.ttlMs).toBe(60_000);
    expect(lent(30_000).version).not.toBe(lent(60_000).version);
  });

  it("gives back what is on demand as that, which is a part of its version", () => {
    const asked = snapshotOf({ ...helloIntent(), groups: [group("default", { onDemandClusters: {} })] });
    const restored = restoreSnapshot(persistSnapshot(asked));
    const [back, before] = [restored.ok ? restored.value : undefined, snapshot].map((each) =>
      each?.tables.get(typeUrls.cluster)?.resources.get(resourceName("hello")),
    );
    expect([back?.onDemand, before?.onDemand]).toEqual([true, undefined]);
    expect(back?.version).not.toBe(before?.version);
    expect(restored.ok && restored.value.version).toBe(asked.version);
  });

  it("gives the same bytes for the same snapshot", () => {
    expect(persistSnapshot(snapshotOf(helloIntent()))).toEqual(persistSnapshot(snapshot));
  });

  it("packs a large one piece by piece, and reads the pieces as one", () => {
    const body = (index: number) => new Uint8Array(4_096).fill(index % 251);
    const resources = Array.from({ length: 400 }, (_, index): Resource => ({
      typeUrl: typeUrls.cluster,
      name: resourceName(`cluster-${index}`),
      version: resourceVersion(typeUrls.cluster, body(index)) as VersionInfo,
      body: body(index),
      references: [{ typeUrl: typeUrls.endpoints, name: `cluster-${index}` }],
      at: { file: "a.yaml", line: index + 1, column: 1 },
      hostCount: 0,
    }));
    const tables = new Map(snapshot.tables).set(typeUrls.cluster, createTable(typeUrls.cluster, resources));
    const { updates, cause } = snapshot;
    const large = createSnapshot(snapshot.group, tables, { updates, cause });
    const texts = [...snapshotTexts(large)];
    expect(texts.length).toBeGreaterThan(3);
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(600_000);
    const restored = restoreSnapshot(persistSnapshot(large));
    expect(restored.ok && restored.value).toEqual({ ...large, tables: expect.any(Map) });
    expect(restored.ok && restored.value.tables.get(typeUrls.cluster)).toEqual(large.tables.get(typeUrls.cluster));
  });

  it.each<[string, Uint8Array, string]>([
    ["bytes that are cut", persistSnapshot(snapshot).subarray(0, 100), "unexpected end of file"],
    ["no gzip", Buffer.from("{}"), "incorrect header check"],
    ["no JSON", gzipSync("{"), "JSON"],
    ["another format", altered((text) => text.replace('"format":1', '"format":2')), "format"],
    ["an unknown key", altered((text) => text.replace('"format":1', '"format":1,"more":1')), "more"],
    ["an unknown type", altered((text) => text.replaceAll("v3.Listener", "v3.Lestener")), "unknown type"],
    [
      "a changed body",
      altered((text) => text.replace(/"body":"[^"]*"/, '"body":"AAAA"')),
      'the content of type.googleapis.com/envoy.config.cluster.v3.Cluster "hello" does not have its version',
    ],
    ["a renamed resource", altered((text) => text.replace('"name":"hello"', '"name":"hullo"')), "as a whole"],
    ["another version", altered((text) => text.replace(snapshot.version, "0123456789abcdef")), "0123456789abcdef"],
  ])("refuses %s", (_, bytes, reason) => {
    expect(restoreSnapshot(bytes)).toMatchObject({ ok: false, error: expect.stringContaining(reason) });
  });
});
