/**
 * The backends of the benchmark: one Envoy that answers by itself, because that is the cheapest server at hand,
 * with a port for each way to behave.
 */
import { freePorts } from "../../demo/kit/ports.ts";
import { exampleCertificate } from "./certificates.ts";
import { StaticEnvoy } from "./static-envoy.ts";

/** How a backend answers. */
export type BackendBehaviour =
  /** At once. */
  | "well"
  /** One of 50 requests waits 200 ms, as in a pause of a garbage collector. */
  | "sometimes-slow"
  /** Every request waits five seconds. */
  | "hung"
  /** 503, at once. */
  | "failing"
  /** At once, over TLS, to clients that show a certificate. */
  | "mtls";

/** About a kilobyte of JSON, as a small answer of an API. */
const ITEM = JSON.stringify({
  id: 42,
  items: Array.from({ length: 12 }, (_, index) => ({ id: index, name: `item number ${index}`, price: index * 17.25 })),
});

const faults: Readonly<Partial<Record<BackendBehaviour, object>>> = {
  "sometimes-slow": { delay: { fixed_delay: "0.2s", percentage: { numerator: 2 } } },
  hung: { delay: { fixed_delay: "5s", percentage: { numerator: 100 } } },
  failing: { abort: { http_status: 503, percentage: { numerator: 100 } } },
};

/** All of them, in one program. */
export class Backends implements AsyncDisposable {
  readonly #envoy: StaticEnvoy;
  readonly #ports: readonly (readonly [BackendBehaviour, number])[];

  private constructor(envoy: StaticEnvoy, ports: readonly (readonly [BackendBehaviour, number])[]) {
    this.#envoy = envoy;
    this.#ports = ports;
  }

  /** One backend for each behaviour that is named; one may be named several times. */
  static async start(behaviours: readonly BackendBehaviour[]): Promise<Backends> {
    const [adminPort = 0, ...free] = await freePorts(behaviours.length + 1);
    const ports = behaviours.map((behaviour, index) => [behaviour, free[index] ?? 0] as const);
    const config = {
      admin: { address: address(adminPort) },
      static_resources: { listeners: ports.map(([behaviour, port]) => listener(behaviour, port)) },
    };
    return new Backends(await StaticEnvoy.start("backends", JSON.stringify(config), adminPort), ports);
  }

  get pid(): number {
    return this.#envoy.pid;
  }

  /** `127.0.0.1:port` of all that behave so. */
  of(behaviour: BackendBehaviour): readonly string[] {
    return this.#ports.filter(([name]) => name === behaviour).map(([, port]) => `127.0.0.1:${port}`);
  }

  /** The ports of all that behave so. */
  portsOf(behaviour: BackendBehaviour): readonly number[] {
    return this.#ports.filter(([name]) => name === behaviour).map(([, port]) => port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#envoy[Symbol.asyncDispose]();
  }
}

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function listener(behaviour: BackendBehaviour, port: number): object {
  const fault = faults[behaviour];
  const type = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;
  const direct = { status: 200, body: { inline_string: ITEM } };
  const httpFilters = [
    ...(fault === undefined
      ? []
      : [
          {
            name: "envoy.filters.http.fault",
            typed_config: { "@type": type("http.fault.v3.HTTPFault"), ...fault },
          },
        ]),
    // Without it a body that is still on its way when the answer is ready costs the connection.
    {
      name: "envoy.filters.http.buffer",
      typed_config: { "@type": type("http.buffer.v3.Buffer"), max_request_bytes: 65_536 },
    },
    { name: "envoy.filters.http.router", typed_config: { "@type": type("http.router.v3.Router") } },
  ];
  const connectionManager = {
    "@type": type("network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: `backend-${port}`,
    route_config: {
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          response_headers_to_add: [
            { header: { key: "content-type", value: "application/json" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
          ],
          routes: [{ match: { prefix: "/" }, direct_response: direct }],
        },
      ],
    },
    http_filters: httpFilters,
  };
  return {
    name: `backend-${port}`,
    address: address(port),
    filter_chains: [
      {
        filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: connectionManager }],
        ...(behaviour === "mtls" ? { transport_socket: mutualTls() } : {}),
      },
    ],
  };
}

function mutualTls(): object {
  const { cert, key, ca } = exampleCertificate();
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
        validation_context: { trusted_ca: { inline_string: ca } },
      },
    },
  };
}
