/**
 * Snapshots as text: readable, loadable, without secrets.
 */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { JsonValue } from "../../../src/model/intent.ts";
import { renderSnapshot } from "../../../src/snapshot/render.ts";
import { buildIntent, helloIntent, raw } from "../../support/build-intent.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const tls = "envoy.extensions.transport_sockets.tls.v3";

function rendered(message: string, json: { readonly [key: string]: JsonValue }): string {
  const intent = buildIntent({ rawResources: [raw(message, "x", json)] });
  return [...renderSnapshot(snapshotOf(intent), envoyApi, "yaml").values()].join();
}

describe("renderSnapshot", () => {
  it("writes one file for each type that has resources", () => {
    const names = (format: "yaml" | "json") => [...renderSnapshot(snapshotOf(helloIntent()), envoyApi, format).keys()];
    expect(names("yaml")).toEqual(["clusters.yaml", "endpoints.yaml", "listeners.yaml", "routes.yaml"]);
    expect(names("json")).toEqual(["clusters.json", "endpoints.json", "listeners.json", "routes.json"]);
  });

  it("writes what Envoy reads as a DiscoveryResponse, the same in both formats", () => {
    const yaml = renderSnapshot(snapshotOf(helloIntent()), envoyApi, "yaml");
    const json = renderSnapshot(snapshotOf(helloIntent()), envoyApi, "json");
    for (const [name, text] of yaml) {
      const response = parse(text, { version: "1.1" }) as JsonValue;
      expect(
        envoyApi.encode("type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse", response),
      ).toMatchObject({ ok: true });
      expect(JSON.parse(json.get(name.replace("yaml", "json")) ?? "")).toEqual(response);
    }
    expect(yaml.get("clusters.yaml")).toContain(
      '- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: hello',
    );
  });

  it("shows what has a TTL with it, as Envoy gets it on SotW, and what has none as it is", () => {
    const lent = { ...raw("envoy.config.cluster.v3.Cluster", "lent", { name: "lent" }), ttlMs: 1_500 };
    const kept = raw("envoy.config.cluster.v3.Cluster", "kept", { name: "kept" });
    const files = renderSnapshot(snapshotOf(buildIntent({ rawResources: [lent, kept] })), envoyApi, "json");
    const response = JSON.parse(files.get("clusters.json") ?? "") as { readonly resources: JsonValue };
    const cluster = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    expect(response.resources).toEqual([
      { "@type": cluster, name: "kept" },
      {
        "@type": "type.googleapis.com/envoy.service.discovery.v3.Resource",
        name: "lent",
        ttl: "1.5s",
        resource: { "@type": cluster, name: "lent" },
      },
    ]);
    const encoded = envoyApi.encode("type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse", response);
    expect(encoded).toMatchObject({ ok: true });
  });

  it.each<[string, string, { readonly [key: string]: JsonValue }]>([
    [
      "a private key",
      `${tls}.Secret`,
      { name: "x", tls_certificate: { private_key: { inline_string: "-----BEGIN hunter2" } } },
    ],
    ["its password", `${tls}.Secret`, { name: "x", tls_certificate: { password: { inline_bytes: "hunter22" } } }],
    [
      "session ticket keys",
      `${tls}.Secret`,
      { name: "x", session_ticket_keys: { keys: [{ inline_string: "-----BEGIN hunter2" }] } },
    ],
    [
      "a generic secret",
      `${tls}.Secret`,
      { name: "x", generic_secret: { secret: { inline_string: "-----BEGIN hunter2" } } },
    ],
    [
      "many generic secrets",
      `${tls}.Secret`,
      { name: "x", generic_secret: { secrets: { a: { inline_string: "-----BEGIN hunter2" } } } },
    ],
    [
      "whatever else a secret holds inline",
      `${tls}.Secret`,
      { name: "x", validation_context: { trusted_ca: { inline_string: "-----BEGIN hunter2" } } },
    ],
    [
      "a private key deep inside a listener",
      "envoy.config.listener.v3.Listener",
      {
        name: "x",
        address: { socket_address: { address: "127.0.0.1", port_value: 1 } },
        filter_chains: [
          {
            transport_socket: {
              name: "tls",
              typed_config: {
                "@type": `type.googleapis.com/${tls}.DownstreamTlsContext`,
                common_tls_context: { tls_certificates: [{ private_key: { inline_string: "-----BEGIN hunter2" } }] },
              },
            },
          },
        ],
      },
    ],
  ])("shows nothing of %s", (_, message, json) => {
    const text = rendered(message, json);
    expect(text).toContain("[redacted]");
    expect(text).not.toContain("hunter2");
  });

  it("shows where a secret is kept", () => {
    const json = { name: "x", tls_certificate: { private_key: { filename: "/etc/key.pem" } } };
    expect(rendered(`${tls}.Secret`, json)).toContain("filename: /etc/key.pem");
  });
});
