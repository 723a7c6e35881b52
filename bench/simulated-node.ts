/**
 * One simulated node: a delta ADS client on a connection of its own that acknowledges everything at once.
 *
 * It asks like Envoy: all clusters and listeners, then the endpoints of each cluster and the route
 * configuration by name. It keeps nothing but names.
 */
import { Client, credentials } from "@grpc/grpc-js";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { AggregatedDiscoveryServiceDefinition } from "../src/gen/envoy/service/discovery/v3/ads.ts";
import { DeltaDiscoveryRequest } from "../src/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../src/snapshot/type-url.ts";
import type { AwaitedNames } from "./fleet-orders.ts";
import { scanResponse } from "./scan-response.ts";
import type { ScannedResponse } from "./scan-response.ts";

/** Whom a node tells. */
export interface NodePorts {
  readonly nodeId: string;
  readonly routeName: string;
  /** The last of what was awaited has been acknowledged. */
  satisfied(): void;
  failed(error: Error): void;
}

/** Ten thousand clusters in one response exceed grpc-js' default of 4 MiB. */
const RECEIVE_BYTES_MAX = 64 * 1024 * 1024;

/** One node; `close` ends its connection. */
export class SimulatedNode {
  readonly nodeId: string;
  responsesCount = 0;
  clusterResponsesCount = 0;
  readonly #ports: NodePorts;
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  readonly #clusters = new Set<string>();
  readonly #endpoints = new Set<string>();
  readonly #acknowledgedTypes = new Set<string>();
  #awaited: Map<string, Set<string>> | undefined;
  #closed = false;

  constructor(xdsPort: number, ports: NodePorts) {
    this.nodeId = ports.nodeId;
    this.#ports = ports;
    this.#client = new Client(`127.0.0.1:${xdsPort}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
    });
    const same = (bytes: Buffer): Buffer => bytes;
    const { fullName, methods } = AggregatedDiscoveryServiceDefinition;
    const path = `/${fullName}/${methods.deltaAggregatedResources.name}`;
    this.#stream = this.#client.makeBidiStreamRequest(path, same, same);
    this.#stream.on("data", (bytes: Buffer) => this.#receive(scanResponse(bytes)));
    this.#stream.on("error", (error) => {
      if (!this.#closed) ports.failed(new Error(`${this.nodeId}: ${error.message}`, { cause: error }));
    });
    this.#send({ typeUrl: typeUrls.cluster, node: { id: this.nodeId, cluster: "bench" } });
    this.#send({ typeUrl: typeUrls.listener });
  }

  /** Every type has been acknowledged, and the endpoints of every cluster. */
  get synced(): boolean {
    return (
      this.#endpoints.size === this.#clusters.size &&
      [typeUrls.cluster, typeUrls.endpoints, typeUrls.listener, typeUrls.route].every((typeUrl) =>
        this.#acknowledgedTypes.has(typeUrl),
      )
    );
  }

  /** What has not come yet, for error messages. */
  get missing(): string {
    return [...(this.#awaited ?? [])].map(([typeUrl, names]) => `${names.size} of ${typeUrl}`).join(", ");
  }

  /** Calls `satisfied` once all of these were sent anew and acknowledged. */
  wait(awaited: AwaitedNames): void {
    this.#awaited = new Map(Object.entries(awaited).map(([typeUrl, names]) => [typeUrl, new Set(names)]));
  }

  close(): void {
    this.#closed = true;
    this.#stream.cancel();
    this.#client.close();
  }

  #receive(response: ScannedResponse): void {
    this.responsesCount += 1;
    const { typeUrl, nonce } = response;
    this.#send({ typeUrl, responseNonce: nonce });
    this.#acknowledgedTypes.add(typeUrl);
    if (typeUrl === typeUrls.cluster) {
      this.clusterResponsesCount += 1;
      this.#followClusters(response);
    } else if (typeUrl === typeUrls.endpoints) for (const name of response.names) this.#endpoints.add(name);
    else if (typeUrl === typeUrls.listener) {
      this.#send({ typeUrl: typeUrls.route, resourceNamesSubscribe: [this.#ports.routeName] });
    }
    this.#take(response);
  }

  #followClusters({ names, removed }: ScannedResponse): void {
    const added = names.filter((name) => !this.#clusters.has(name));
    const gone = removed.filter((name) => this.#clusters.delete(name));
    for (const name of added) this.#clusters.add(name);
    for (const name of gone) this.#endpoints.delete(name);
    if (added.length + gone.length === 0) return;
    this.#send({ typeUrl: typeUrls.endpoints, resourceNamesSubscribe: added, resourceNamesUnsubscribe: gone });
  }

  #take({ typeUrl, names }: ScannedResponse): void {
    const left = this.#awaited?.get(typeUrl);
    if (left === undefined) {
      if (this.#awaited === undefined) this.#ports.satisfied();
      return;
    }
    for (const name of names) left.delete(name);
    if (left.size > 0) return;
    this.#awaited?.delete(typeUrl);
    if (this.#awaited?.size === 0) this.#ports.satisfied();
  }

  #send(request: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]): void {
    const bytes = DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial(request)).finish();
    this.#stream.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}
