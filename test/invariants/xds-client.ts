/**
 * A gRPC client of the aggregated discovery service that answers when the test says so.
 *
 * It keeps every response and what it would hold if it applied them, and sends what a test asks it to: no
 * more of Envoy than that. Both variants look alike to the test.
 */
import type { ChannelCredentials } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { AggregatedDiscoveryServiceDefinition } from "../../src/gen/envoy/service/discovery/v3/ads.ts";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import type { DeltaDiscoveryResponse, DiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { rawResourceName } from "../../src/model/check-raw-resource.ts";
import type { JsonValue } from "../../src/model/intent.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { eventually, eventuallyValue } from "../support/eventually.ts";
import { grpcMethods } from "../support/grpc-methods.ts";

const methods = grpcMethods(AggregatedDiscoveryServiceDefinition);

/** A response of either variant. */
export interface Received {
  readonly typeUrl: string;
  readonly nonce: string;
  /** SotW: version_info. Delta: system_version_info. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, ReceivedResource>;
  readonly removed: readonly string[];
  readonly atMs: number;
}

/** One resource of a response. */
export interface ReceivedResource {
  /** Delta only. */
  readonly version: string;
  readonly bytes: Uint8Array;
}

export interface XdsClientOptions {
  readonly port: number;
  readonly nodeId?: string;
  readonly cluster?: string;
  readonly variant?: "delta" | "sotw";
  /** The method that is called, of the same variant; that of ADS when absent. */
  readonly path?: string;
  /** Plain text when absent; with TLS the server is taken for `one.test`. */
  readonly credentials?: ChannelCredentials;
  /** Acknowledges every response at once. */
  readonly acknowledges?: boolean;
  /** Asks for what the clusters and listeners that it receives need. */
  readonly follows?: boolean;
  /** What this node has from a stream before, and the versions that it acknowledged there. */
  readonly holds?: XdsClient["holds"];
  readonly versions?: XdsClient["versions"];
}

/** One stream. */
export class XdsClient {
  readonly responses: Received[] = [];
  /** By type URL and name. */
  readonly holds: Map<string, Map<string, ReceivedResource>>;
  /** By type URL: of the newest response that was acknowledged. */
  readonly versions: Map<string, string>;
  /** Nothing is acknowledged by itself any more. */
  withholds = false;
  closed = false;
  onResponse: () => void = () => undefined;
  /** How the server ended the stream. */
  failure: Pick<ServiceError, "code" | "details"> | undefined;
  readonly #options: XdsClientOptions;
  readonly #client: Client;
  readonly #write: (request: Request) => void;
  readonly #cancel: () => void;
  readonly #asked = new Map<string, { readonly names: readonly string[] }>();

  constructor(options: XdsClientOptions) {
    this.#options = options;
    this.holds = new Map([...(options.holds ?? [])].map(([typeUrl, held]) => [typeUrl, new Map(held)]));
    this.versions = new Map(options.versions);
    this.#client = new Client(`127.0.0.1:${options.port}`, options.credentials ?? credentials.createInsecure(), {
      ...(options.credentials === undefined ? {} : { "grpc.ssl_target_name_override": "one.test" }),
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
    });
    const fail = (error: ServiceError) => (this.failure = { code: error.code, details: error.details });
    if (options.variant === "sotw") {
      const { path, requestSerialize, responseDeserialize } = methods.streamAggregatedResources;
      const stream = this.#client.makeBidiStreamRequest(options.path ?? path, requestSerialize, responseDeserialize);
      stream.on("data", (response: DiscoveryResponse) => this.#receive(readSotw(response)));
      stream.on("error", fail);
      this.#write = (request) => stream.write(DiscoveryRequest.fromPartial(request));
      this.#cancel = () => stream.cancel();
    } else {
      const { path, requestSerialize, responseDeserialize } = methods.deltaAggregatedResources;
      const stream = this.#client.makeBidiStreamRequest(options.path ?? path, requestSerialize, responseDeserialize);
      stream.on("data", (response: DeltaDiscoveryResponse) => this.#receive(readDelta(response)));
      stream.on("error", fail);
      this.#write = (request) => stream.write(DeltaDiscoveryRequest.fromPartial(request));
      this.#cancel = () => stream.cancel();
    }
  }

  /** Asks for names of a type beside those asked for before, or for all when none ever is. */
  ask(typeUrl: string, ...names: readonly string[]): this {
    return this.#want(typeUrl, [...(this.#asked.get(typeUrl)?.names ?? []), ...names]);
  }

  acknowledge({ typeUrl, nonce, version }: Received): void {
    this.versions.set(typeUrl, version);
    this.send({ typeUrl, responseNonce: nonce, versionInfo: version, resourceNames: this.#namesOf(typeUrl) });
  }

  reject({ typeUrl, nonce }: Received, message: string): void {
    const errorDetail = { code: 13, message, details: [] };
    const versionInfo = this.versions.get(typeUrl) ?? "";
    this.send({ typeUrl, responseNonce: nonce, versionInfo, errorDetail, resourceNames: this.#namesOf(typeUrl) });
  }

  /** Any request; the node is added, which is needed in the first only. */
  send(request: Request): void {
    const { nodeId = "node-1", cluster = "test" } = this.#options;
    this.#write({ node: { id: nodeId, cluster }, ...request });
  }

  of(typeUrl: string): readonly Received[] {
    return this.responses.filter((response) => response.typeUrl === typeUrl);
  }

  /** The names that it holds of a type, sorted. */
  names(typeUrl: string): readonly string[] {
    return [...(this.holds.get(typeUrl)?.keys() ?? [])].sort();
  }

  /** The response of the type with this index, as soon as it is there. */
  response(typeUrl: string, index = 0): Promise<Received> {
    return eventuallyValue(`response ${index} of ${typeUrl}`, () => this.of(typeUrl)[index]);
  }

  ended(): Promise<Pick<ServiceError, "code" | "details">> {
    return eventuallyValue("the end of the stream", () => this.failure);
  }

  /** Resolves when it holds just these names of the type. */
  async has(typeUrl: string, ...names: readonly string[]): Promise<void> {
    await eventually(`${names.join()} of ${typeUrl}`, () => this.names(typeUrl).join() === names.toSorted().join());
  }

  close(): void {
    this.closed = true;
    this.#cancel();
    this.#client.close();
  }

  [Symbol.dispose](): void {
    if (!this.closed) this.close();
  }

  #receive(response: Received): void {
    if (this.closed) return;
    this.responses.push(response);
    const { typeUrl, resources, removed } = response;
    const isFull = this.#options.variant === "sotw" && (typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener);
    const held = isFull ? new Map() : (this.holds.get(typeUrl) ?? new Map());
    for (const [name, resource] of resources) held.set(name, resource);
    for (const name of removed) held.delete(name);
    this.holds.set(typeUrl, held);
    if (this.#options.follows === true) this.#follow(typeUrl);
    if (this.#options.acknowledges === true && !this.withholds) this.acknowledge(response);
    this.onResponse();
  }

  /** As Envoy does: for the endpoints of its clusters, and the route configurations of its listeners. */
  #follow(typeUrl: string): void {
    const child = { [typeUrls.cluster]: typeUrls.endpoints, [typeUrls.listener]: typeUrls.route }[typeUrl];
    if (child === undefined) return;
    const names = this.names(typeUrl);
    if (names.join() !== this.#namesOf(child).join()) this.#want(child, names);
  }

  #want(typeUrl: string, names: readonly string[]): this {
    const before = this.#asked.get(typeUrl);
    this.#asked.set(typeUrl, { names });
    if (this.#options.variant === "sotw") {
      const responseNonce = this.of(typeUrl).at(-1)?.nonce ?? "";
      this.send({ typeUrl, resourceNames: [...names], responseNonce, versionInfo: this.versions.get(typeUrl) ?? "" });
      return this;
    }
    const held = before === undefined ? [...(this.holds.get(typeUrl) ?? [])] : [];
    this.send({
      typeUrl,
      resourceNamesSubscribe: names.filter((name) => before?.names.includes(name) !== true),
      resourceNamesUnsubscribe: before?.names.filter((name) => !names.includes(name)) ?? [],
      initialResourceVersions: Object.fromEntries(held.map(([name, { version }]) => [name, version])),
    });
    return this;
  }

  #namesOf(typeUrl: string): string[] {
    return [...(this.#asked.get(typeUrl)?.names ?? [])];
  }
}

type Request = Parameters<typeof DiscoveryRequest.fromPartial>[0] &
  Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0];

/** A resource as proto3 JSON. */
export function jsonOf(typeUrl: string, { bytes }: ReceivedResource): JsonValue {
  return envoyApi.toJson(typeUrl, bytes);
}

function readDelta(response: DeltaDiscoveryResponse): Received {
  const { typeUrl, nonce, systemVersionInfo: version, removedResources: removed } = response;
  const resources = new Map(
    response.resources.map(({ name, version: own, resource }) => [
      name,
      { version: own, bytes: resource?.value ?? new Uint8Array() },
    ]),
  );
  return { typeUrl, nonce, version, resources, removed, atMs: performance.now() };
}

function readSotw({ typeUrl, nonce, versionInfo: version, resources: anys }: DiscoveryResponse): Received {
  const resources = new Map(
    anys.map(({ value }) => {
      const json = envoyApi.toJson(typeUrl, value) as { readonly [key: string]: JsonValue };
      return [rawResourceName(typeUrl, json) ?? "", { version: "", bytes: value }];
    }),
  );
  return { typeUrl, nonce, version, resources, removed: [], atMs: performance.now() };
}
