/**
 * Two listeners on one address, whoever wrote them.
 */
import { describe, expect, it } from "vitest";
import type { Intent, JsonValue } from "../../../src/model/intent.ts";
import { buildSnapshots } from "../../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import { addressPairs } from "../../envoy/address-pairs.ts";
import { buildIntent, group, helloIntent, raw } from "../../support/build-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";

function problems(intent: Intent) {
  const built = buildSnapshots({
    intent,
    encoder: createResourceEncoder(envoyApi),
    cause: { text: "start", atMs: 1 },
  });
  return built.ok ? built.value.warnings : built.error;
}

function listener(name: string, fields: { readonly [key: string]: JsonValue }, line = 1) {
  const resource = raw("envoy.config.listener.v3.Listener", name, { name, ...fields });
  return { ...resource, at: { file: "raw.yaml", line, column: 5 } };
}

describe("listeners on one address", () => {
  it.each(addressPairs)("knows whether Envoy takes both: %s", (_title, clash, listeners) => {
    const [first, second] = listeners(8080);
    const clusters = [raw("envoy.config.cluster.v3.Cluster", "none", { name: "none", connectTimeout: "1s" })];
    const rawResources = [listener("a", first), listener("b", second, 2), ...clusters];
    const found = problems(buildIntent({ rawResources })).map(({ code, at }) => `${code} ${at.line}`);
    expect(found).toEqual(clash ? ["conflicting-address 2"] : []);
  });

  it("points from the later one to the first, which may be a gateway's, once for all groups", () => {
    const hello = helloIntent();
    const [{ port } = { port: 0 }] = hello.gateways[0]?.listeners ?? [];
    const address = { socketAddress: { address: "0.0.0.0", portValue: port } };
    const own = { address, filterChains: [{}] };
    const groups = [group("default"), group("other")];
    const gateways = hello.gateways.map((gateway) => ({ ...gateway, groups: ["default", "other"] }));
    const found = problems({ ...hello, groups, gateways, rawResources: [listener("zz", own, 99)] });
    expect(found).toMatchObject([
      {
        code: "conflicting-address",
        severity: "error",
        related: { message: expect.stringContaining("first used by") },
      },
    ]);
    expect(found[0]?.message).toContain(`0.0.0.0 port ${port}`);
  });

  it("lets listeners of different groups have the same address", () => {
    const fields = { address: { socketAddress: { address: "0.0.0.0", portValue: 80 } }, filterChains: [{}] };
    const rawResources = [
      { ...listener("a", fields), groups: ["one"] },
      { ...listener("b", fields), groups: ["two"] },
    ];
    expect(problems(buildIntent({ groups: [group("one"), group("two")], rawResources }))).toEqual([]);
  });
});
