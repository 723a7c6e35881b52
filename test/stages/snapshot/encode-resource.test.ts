/**
 * Encoding: once per content, and forgotten when it is not used.
 */
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/model/intent.ts";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { envoyResource } from "../../../src/translate/envoy-resource.ts";
import { place } from "../../support/build-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const cluster = (timeout: string, line = 1) =>
  envoyResource(typeUrls.cluster, "a", { name: "a", type: "STATIC", connectTimeout: timeout }, place(line));

describe("createResourceEncoder", () => {
  it("versions by content: 16 digits, equal for equal content, whatever spelling and order of keys", () => {
    const snake: JsonValue = { connect_timeout: "5s", type: "STATIC", name: "a" };
    const first = createResourceEncoder(envoyApi).encode(cluster("5s"));
    const second = createResourceEncoder(envoyApi).encode(envoyResource(typeUrls.cluster, "a", snake, place()));
    const third = createResourceEncoder(envoyApi).encode(cluster("6s"));
    expect(first).toMatchObject({ ok: true, value: { version: expect.stringMatching(/^[0-9a-f]{16}$/) } });
    expect(second).toEqual(first);
    expect(third).not.toEqual(first);
  });

  it("gives the same object for the same content, and encodes it once", () => {
    const encoder = createResourceEncoder(envoyApi);
    const first = encoder.encode(cluster("5s"));
    const again = encoder.encode(cluster("5s"));
    expect(first.ok && again.ok && first.value === again.value).toBe(true);
    expect(encoder.counts()).toEqual({ remembered: 1, encoded: 1 });
  });

  it("remembers where a resource moved to without encoding it again", () => {
    const encoder = createResourceEncoder(envoyApi);
    encoder.encode(cluster("5s", 1));
    expect(encoder.encode(cluster("5s", 9))).toMatchObject({ value: { at: { line: 9 } } });
    expect(encoder.counts().encoded).toBe(1);
  });

  it("forgets content that two builds did not use", () => {
    const encoder = createResourceEncoder(envoyApi);
    encoder.encode(cluster("5s"));
    encoder.encode(cluster("6s"));
    for (let build = 0; build < 3; build += 1) {
      encoder.endBuild();
      encoder.encode(cluster("5s"));
    }
    expect(encoder.counts()).toEqual({ remembered: 1, encoded: 2 });
  });

  it("counts the hosts of a load assignment", () => {
    const address = { socketAddress: { address: "10.0.0.1", portValue: 80 } };
    const hosts = (count: number) => ({
      lbEndpoints: Array.from({ length: count }, () => ({ endpoint: { address } })),
    });
    const json = { clusterName: "a", endpoints: [hosts(2), hosts(0), hosts(3)] };
    const encoded = createResourceEncoder(envoyApi).encode(envoyResource(typeUrls.endpoints, "a", json, place()));
    expect(encoded).toMatchObject({ value: { hostCount: 5 } });
  });

  it.each([
    ["unknown-envoy-type", "type.googleapis.com/envoy.config.cluster.v3.Custer", {}],
    ["invalid-envoy-resource", typeUrls.cluster, { conect_timeout: "5s" }],
  ])("says %s with the place", (code, typeUrl, json) => {
    const encoded = createResourceEncoder(envoyApi).encode(envoyResource(typeUrl, "a", json, place(7)));
    expect(encoded).toMatchObject({ ok: false, error: [{ code, severity: "error", at: { line: 7 } }] });
  });
});
