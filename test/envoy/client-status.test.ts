/**
 * The client status service about a real Envoy: all that Envoy has is in sync, under the versions that it names.
 */
import { Client, credentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { ClientStatusResponse } from "../../src/gen/envoy/service/status/v3/csds.ts";
import {
  ClientStatusDiscoveryServiceDefinition,
  ClientStatusRequest,
  ConfigStatus,
} from "../../src/gen/envoy/service/status/v3/csds.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { grpcMethods } from "../support/grpc-methods.ts";
import { startScene } from "./scene.ts";

const { path, requestSerialize, responseDeserialize } = grpcMethods(
  ClientStatusDiscoveryServiceDefinition,
).fetchClientStatus;

async function fetched(port: number): Promise<ClientStatusResponse> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      const request = ClientStatusRequest.fromPartial({});
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (response === undefined) reject(error ?? new Error("there was neither an answer nor an error"));
        else resolve(response);
      });
    });
  } finally {
    client.close();
  }
}

test.each(["delta", "sotw"] as const)(
  "every resource of an Envoy on %s is in sync, under its own version",
  async (api) => {
    await using scene = await startScene({
      backends: 1,
      api,
      config: ({ port, backends }) => `
gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
routes: { shop: { gateways: [public], rules: [{ name: main, backends: [{ service: shop }] }] } }
services: { shop: { endpoints: ["${backends[0]}"] } }
`,
    });
    const configs = await waitUntil(
      async () => {
        const { config } = await fetched(scene.fairway.xdsPort);
        const entries = config.flatMap(({ genericXdsConfigs }) => genericXdsConfigs);
        return entries.every(({ configStatus }) => configStatus === ConfigStatus.SYNCED) ? config : undefined;
      },
      { what: "everything to be in sync", timeoutMs: 20_000 },
    );
    expect(configs.map(({ node }) => node?.id)).toEqual([scene.envoy.nodeId]);
    const entries = configs[0]?.genericXdsConfigs ?? [];
    expect(entries.map(({ typeUrl }) => typeUrl)).toEqual([
      typeUrls.cluster,
      typeUrls.endpoints,
      typeUrls.listener,
      typeUrls.route,
    ]);
    expect(entries.every(({ versionInfo, xdsConfig }) => versionInfo !== "" && xdsConfig !== undefined)).toBe(true);
    if (api !== "delta") return;
    // In delta every resource has its own version, and Envoy shows it.
    const shop = entries.find(({ typeUrl }) => typeUrl === typeUrls.cluster);
    expect(JSON.stringify(await scene.envoy.configDump())).toContain(`"version_info":"${shop?.versionInfo}"`);
  },
);
