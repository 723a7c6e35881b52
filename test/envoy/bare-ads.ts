/**
 * A control plane that checks nothing: it sends one real Envoy whatever it is given and tells the answer.
 *
 * What this project would never serve is sent from here, to hear Envoy's own words about it. Resources are
 * sent one by one over delta ADS, each with the answer that Envoy gives to it alone.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { AggregatedDiscoveryServiceDefinition } from "../../src/gen/envoy/service/discovery/v3/ads.ts";
import { DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import type { DeltaDiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import type { JsonValue } from "../../src/model/intent.ts";
import { rawResourceName } from "../../src/model/check-raw-resource.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { present } from "../../src/support/assert.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { grpcMethods } from "../support/grpc-methods.ts";

type Call = ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/** A resource as a raw one is written in a config file. */
export interface BareResource {
  readonly "@type": string;
  readonly [key: string]: JsonValue;
}

/** The server, for one Envoy. */
export class BareAds implements AsyncDisposable {
  /** Everything that the node says of itself; Envoy names all its extensions there. */
  node: DeltaDiscoveryRequest["node"];
  readonly #server: Server;
  readonly #subscribed = new Set<string>();
  /** By nonce: Envoy's words, "" when it took the response. */
  readonly #answers = new Map<string, string>();
  #call: Call | undefined;
  #nonces = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<BareAds & { readonly port: number }> {
    const server = new Server({ "grpc.max_receive_message_length": -1 });
    const ads = new BareAds(server);
    server.addService(grpcMethods(AggregatedDiscoveryServiceDefinition), {
      deltaAggregatedResources: (call: Call) => ads.#accept(call),
      streamAggregatedResources: (call: ServerDuplexStream<unknown, unknown>) => call.end(),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (cause, bound) =>
        cause === null ? resolve(bound) : reject(cause),
      );
    });
    return Object.assign(ads, { port });
  }

  /** Sends one resource, once Envoy asks for it; resolves to why Envoy refuses it, or to undefined when it takes it. */
  async offer(resource: BareResource): Promise<string | undefined> {
    return this.offerTogether([resource]);
  }

  /** The same for several of one type in one response. */
  async offerTogether(resources: readonly BareResource[]): Promise<string | undefined> {
    const typeUrl = present(resources[0], "something is offered")["@type"];
    const named = resources.map(encode);
    const wildcard = typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener;
    for (const { name } of named) {
      await waitUntil(() => this.#subscribed.has(wildcard ? typeUrl : `${typeUrl} ${name}`), {
        what: `Envoy to ask for ${typeUrl} ${name}`,
        timeoutMs: 20_000,
        everyMs: 1,
      });
    }
    const nonce = this.#send(typeUrl, named);
    const answer = await waitUntil(() => this.#answers.has(nonce) && { words: this.#answers.get(nonce) }, {
      what: `Envoy's answer to ${named.map(({ name }) => name).join(", ")}`,
      timeoutMs: 20_000,
      everyMs: 1,
    });
    if (answer.words === "") return undefined;
    // A cluster that fails late stays in Envoy as one that waits, and then Envoy takes no other.
    this.#send(
      typeUrl,
      [],
      named.map(({ name }) => name),
    );
    return answer.words;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#call?.end();
    this.#server.forceShutdown();
  }

  #accept(call: Call): void {
    this.#call = call;
    call.on("error", () => undefined);
    call.on("data", (request: DeltaDiscoveryRequest) => {
      const { typeUrl, responseNonce, errorDetail } = request;
      if (request.node !== undefined) this.node = request.node;
      if (responseNonce !== "") this.#answers.set(responseNonce, errorDetail?.message ?? "");
      for (const name of request.resourceNamesSubscribe) this.#subscribed.add(`${typeUrl} ${name}`);
      // Envoy takes no other cluster while one waits for its hosts.
      if (typeUrl === typeUrls.endpoints && request.resourceNamesSubscribe.length > 0) {
        this.#send(
          typeUrl,
          request.resourceNamesSubscribe.map((name) => encode({ "@type": typeUrl, cluster_name: name })),
        );
      }
      if (this.#subscribed.has(typeUrl)) return;
      this.#subscribed.add(typeUrl);
      // Envoy starts once it has clusters and listeners, and none will do.
      if (typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener) this.#send(typeUrl, []);
    });
  }

  #send(typeUrl: string, resources: readonly ReturnType<typeof encode>[], removedResources: string[] = []): string {
    this.#nonces += 1;
    const nonce = String(this.#nonces);
    const response = DeltaDiscoveryResponse.fromPartial({
      systemVersionInfo: nonce,
      resources,
      typeUrl,
      nonce,
      removedResources,
    });
    present(this.#call, "Envoy has asked").write(response);
    return nonce;
  }
}

function encode(resource: BareResource) {
  const typeUrl = resource["@type"];
  const encoded = envoyApi.encode(typeUrl, resource);
  if (!encoded.ok) throw new Error(`not a ${typeUrl}: ${encoded.error.message}`);
  const name = present(rawResourceName(typeUrl, resource), "it has a name");
  return { name, version: "1", resource: { typeUrl, value: Buffer.from(encoded.value.bytes) } };
}
