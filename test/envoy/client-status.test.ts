/**
 * The client status service about four real Envoys: all that an Envoy has is in sync, under the versions that it names.
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
import { startFour } from "./four-envoys.ts";

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

test("every resource of an Envoy is in sync, under its own version", async () => {
  await using four = await startFour({
    backends: 1,
    config: ({ backends, groups }) => `
${groups()}
routes: { shop: { rules: [{ name: main, backends: [{ service: shop }] }] } }
services: { shop: { endpoints: ["${backends[0]}"] } }
`,
  });
  const configs = await waitUntil(
    async () => {
      const { config } = await fetched(four.fairway.xdsPort);
      const entries = config.flatMap(({ genericXdsConfigs }) => genericXdsConfigs);
      return entries.every(({ configStatus }) => configStatus === ConfigStatus.SYNCED) ? config : undefined;
    },
    { what: "everything to be in sync", timeoutMs: 20_000 },
  );
  expect(configs.map(({ node }) => node?.id)).toEqual(four.members.map(({ name }) => name).toSorted());
  await four.each(async ({ name, api, envoy }) => {
    const entries = configs.find(({ node }) => node?.id === name)?.genericXdsConfigs ?? [];
    expect(entries.map(({ typeUrl }) => typeUrl)).toEqual([
      typeUrls.cluster,
      typeUrls.endpoints,
      typeUrls.listener,
      typeUrls.route,
    ]);
    expect(entries.every(({ versionInfo, xdsConfig }) => versionInfo !== "" && xdsConfig !== undefined)).toBe(true);
    // In delta every resource has its own version, and Envoy shows it; in SotW it shows that of the whole state.
    if (api === "sotw") return;
    const shop = entries.find(({ typeUrl }) => typeUrl === typeUrls.cluster);
    expect(JSON.stringify(await envoy.configDump())).toContain(`"version_info":"${shop?.versionInfo}"`);
  });
});
