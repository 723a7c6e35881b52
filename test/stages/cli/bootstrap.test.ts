/**
 * What `fairway bootstrap` takes, refuses and prints; that Envoy likes it is in `test/envoy/bootstrap.test.ts`.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CommanderError } from "commander";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { bootstrapCommand, createBootstrap, printBootstrap } from "../../../src/cli/bootstrap.ts";
import type { JsonObject } from "../../../src/cli/bootstrap-node.ts";
import { latencyEdgesMs } from "../../../src/evidence/latency-ladder.ts";
import { createGrpcBootstrap } from "../../../src/cli/grpc-bootstrap.ts";
import { readBootstrapOptions, type BootstrapFlags } from "../../../src/cli/bootstrap-options.ts";
import { examplesDir } from "../../support/examples.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

describe("bootstrap for gRPC", () => {
  it("is JSON with the server, the node and the name that servers ask for", () => {
    const options = readBootstrapOptions(
      flags({ nodeId: "checkout-1", cluster: "apps", xds: "[::1]:18000", locality: "eu/a", metadata: ["team=shop"] }),
    );
    expect(options.ok && createGrpcBootstrap(options.value)).toEqual({
      xds_servers: [{ server_uri: "[::1]:18000", channel_creds: [{ type: "insecure" }], server_features: ["xds_v3"] }],
      node: { id: "checkout-1", cluster: "apps", locality: { region: "eu", zone: "a" }, metadata: { team: "shop" } },
      server_listener_resource_name_template: "grpc/server?xds.resource.listening_address=%s",
    });
  });

  it("names the replicas one after the other", () => {
    const options = readBootstrapOptions(flags({ nodeId: "a", xds: "a:1,b:2" }));
    const servers = [expect.objectContaining({ server_uri: "a:1" }), expect.objectContaining({ server_uri: "b:2" })];
    expect(options.ok && createGrpcBootstrap(options.value)).toMatchObject({ xds_servers: servers });
  });

  it("has an empty locality when none is given, because gRPC in JavaScript needs one", () => {
    const options = readBootstrapOptions(flags({ nodeId: "checkout-1" }));
    expect(options.ok && createGrpcBootstrap(options.value)).toMatchObject({ node: { locality: {} } });
  });

  it("knows one variant only, and no other name for the control plane", () => {
    expect(mistakesOf(flags({ nodeId: "a", grpc: true, sotw: true }))[0]).toMatch(/^--sotw: /);
    const tls = { tlsCa: "/ca.pem", tlsName: "fairway" };
    expect(mistakesOf(flags({ nodeId: "a", grpc: true, ...tls }))[0]).toMatch(/^--tls-name: /);
  });

  it("connects by TLS with its own certificate when told to", () => {
    const files = { tlsCa: "/ca.pem", tlsCert: "/own.pem", tlsKey: "/own.key" };
    const options = readBootstrapOptions(flags({ nodeId: "a", grpc: true, ...files }));
    const config = { ca_certificate_file: "/ca.pem", certificate_file: "/own.pem", private_key_file: "/own.key" };
    expect(options.ok && createGrpcBootstrap(options.value)).toMatchObject({
      xds_servers: [{ channel_creds: [{ type: "tls", config }] }],
    });
  });
});

describe("bootstrap", () => {
  it("keeps few statistics of a cluster, or all", () => {
    const small = readBootstrapOptions(flags({ nodeId: "a" }));
    const { stats_config: config } = small.ok ? createBootstrap(small.value) : {};
    const [, pattern = ""] = /"regex":("[^"]+")/.exec(JSON.stringify(config)) ?? [];
    const isLeftOut = (name: string) => new RegExp(`^(?:${JSON.parse(pattern) as string})$`).test(name);
    expect(isLeftOut("cluster.reviews|canary.internal.upstream_rq_2xx")).toBe(true);
    expect(isLeftOut("cluster.a.b.http2.tx_reset")).toBe(true);
    for (const name of [
      "cluster.reviews|canary.upstream_rq_2xx",
      "cluster.a.upstream_cx_active",
      "http.a.internal.b",
    ]) {
      expect(isLeftOut(name), name).toBe(false);
    }
    const all = readBootstrapOptions(flags({ nodeId: "a", stats: "all" }));
    const { stats_config: withAll } = all.ok ? createBootstrap(all.value) : {};
    expect(withAll).not.toHaveProperty("stats_matcher");
    expect(mistakesOf(flags({ nodeId: "a", stats: "few" }))[0]).toMatch(/^--stats: "few" is neither/);
    expect(mistakesOf(flags({ nodeId: "a", stats: "all", grpc: true }))[0]).toMatch(/^--stats: /);
  });

  it("has the Envoy report how requests went, as the node that it is, unless it is told not to", () => {
    const made = (rest: Partial<BootstrapFlags>) => bootstrapOf(flags({ nodeId: "a:1", cluster: "edge", ...rest }));
    const attributes = { "service.instance.id": "a:1", "service.name": "edge" };
    expect(made({ statsFlushInterval: "1s" })).toMatchObject({
      stats_flush_interval: "1s",
      stats_config: { histogram_bucket_settings: [{ buckets: latencyEdgesMs }, {}, {}] },
      stats_sinks: [
        {
          typed_config: {
            grpc_service: { envoy_grpc: { cluster_name: "fairway_xds" } },
            resource_detectors: [{ typed_config: { attributes } }],
          },
        },
      ],
    });
    expect(made({})).not.toHaveProperty("stats_flush_interval");
    expect(JSON.stringify(made({}))).toContain('"cluster\\\\.[^|]+\\\\|.+\\\\.(?:upstream_rq_completed');
    expect(JSON.stringify(made({ allTrafficReports: true }))).toContain('"cluster\\\\..+\\\\.(?:upstream_rq_completed');
    expect(made({ trafficReports: false })).not.toHaveProperty("stats_sinks");
    expect(made({ trafficReports: false, stats: "all" })).not.toHaveProperty("stats_config");
    for (const statsFlushInterval of ["", "0s", "61s", "500ms", "1"]) {
      expect(mistakesOf(flags({ nodeId: "a", statsFlushInterval }))).toEqual([
        expect.stringMatching(/^--stats-flush-interval: /),
      ]);
    }
    expect(mistakesOf(flags({ nodeId: "a", grpc: true, trafficReports: false, statsFlushInterval: "1s" }))).toEqual([
      expect.stringMatching(/^--no-traffic-reports: /),
      expect.stringMatching(/^--stats-flush-interval: /),
    ]);
  });

  it("needs nothing but a node id", () => {
    expect(readBootstrapOptions(flags({ nodeId: "edge-1" }))).toEqual({
      ok: true,
      value: {
        nodeId: "edge-1",
        cluster: "default",
        api: "delta",
        xds: { host: "127.0.0.1", port: 18_000 },
        admin: { host: "127.0.0.1", port: 9_901 },
      },
    });
  });

  it("names the service of the Envoys themselves, which belongs to a zone", () => {
    const options = readBootstrapOptions(flags({ nodeId: "a", locality: "eu/a", localService: "edge" }));
    expect(options.ok && createBootstrap(options.value)).toMatchObject({
      cluster_manager: { local_cluster_name: "fairway_local" },
      static_resources: {
        clusters: [{ name: "fairway_xds" }, { name: "fairway_local", eds_cluster_config: { service_name: "edge" } }],
      },
    });
    expect(mistakesOf(flags({ nodeId: "a", localService: "edge" }))[0]).toMatch(/^--local-service needs --locality/);
    expect(mistakesOf(flags({ nodeId: "a", locality: "eu", localService: "a/b" }))[0]).toMatch(/^--local-service: /);
    expect(mistakesOf(flags({ nodeId: "a", grpc: true, localService: "edge" }))[0]).toMatch(/^--local-service: gRPC/);
  });

  it("limits the heap only when it is told how much there is, and connections always", () => {
    const made = (written: Partial<BootstrapFlags>) => {
      const options = readBootstrapOptions(flags({ nodeId: "a", ...written }));
      return options.ok ? createBootstrap(options.value)["overload_manager"] : options.error;
    };
    expect(made({})).not.toHaveProperty("actions");
    expect(made({ maxHeap: "2GiB", maxConnections: "100" })).toMatchObject({
      resource_monitors: [
        { typed_config: { max_active_downstream_connections: 100 } },
        { typed_config: { max_heap_size_bytes: 2_147_483_648 } },
      ],
      actions: [
        { name: "envoy.overload_actions.shrink_heap", triggers: [{ threshold: { value: 0.95 } }] },
        { name: "envoy.overload_actions.stop_accepting_requests", triggers: [{ threshold: { value: 0.98 } }] },
      ],
    });
    for (const maxHeap of ["", "2GB", "0GiB", "63MiB", "-1GiB"]) {
      expect(made({ maxHeap })).toEqual([expect.stringMatching(/^--max-heap: /)]);
    }
    for (const maxConnections of ["0", "1.5", "many"]) {
      expect(made({ maxConnections })).toEqual([expect.stringMatching(/^--max-connections: /)]);
    }
    expect(mistakesOf(flags({ nodeId: "a", grpc: true, maxHeap: "1GiB" }))[0]).toMatch(/^--max-heap: /);
  });

  it("takes names, IPv4 and IPv6 addresses for the control plane", () => {
    expect(xdsOf("fairway.internal:18000")).toEqual({ host: "fairway.internal", port: 18_000 });
    expect(xdsOf("10.1.2.3:1")).toEqual({ host: "10.1.2.3", port: 1 });
    expect(xdsOf("[::1]:65535")).toEqual({ host: "::1", port: 65_535 });
  });

  it.each([
    "",
    "host",
    ":1",
    "host:",
    "host:0",
    "host:65536",
    "host:1x",
    "::1:18000",
    "[::1]",
    "[host]:1",
    "1.2.3:4",
    "a b:1",
    "-a:1",
    "a..b:1",
    "http://a:1",
  ])("refuses %j as the control plane's address and says how to write one", (xds) => {
    const [mistake] = mistakesOf(flags({ nodeId: "a", xds }));
    expect(mistake).toMatch(/^--xds: ".*write host:port, such as 127\.0\.0\.1:18000/);
  });

  it("resolves a name by DNS and uses an address as it is", () => {
    expect(controlPlaneOf("fairway.internal:18000")).toMatchObject({
      type: "STRICT_DNS",
      dns_lookup_family: "ALL",
    });
    const byAddress = controlPlaneOf("10.1.2.3:18000");
    expect(byAddress).toMatchObject({ type: "STATIC" });
    expect(byAddress).not.toHaveProperty("dns_lookup_family");
  });

  it("leads to several replicas, and away from one that does not answer", () => {
    const cluster = controlPlaneOf("10.1.2.3:18000,[::1]:18001");
    expect(cluster).toMatchObject({
      type: "STATIC",
      lb_policy: "ROUND_ROBIN",
      connect_timeout: "2s",
      outlier_detection: { consecutive_local_origin_failure: 1, max_ejection_percent: 100 },
      load_assignment: {
        endpoints: [
          {
            lb_endpoints: [
              { endpoint: { address: { socket_address: { address: "10.1.2.3", port_value: 18_000 } } } },
              { endpoint: { address: { socket_address: { address: "::1", port_value: 18_001 } } } },
            ],
          },
        ],
      },
    });
    expect(controlPlaneOf("10.1.2.3:18000")).not.toHaveProperty("outlier_detection");
    expect(controlPlaneOf("10.1.2.3:18000,fairway.internal:18000")).toMatchObject({ type: "STRICT_DNS" });
  });

  it("asks each of several replicas by its own name, and believes a certificate of any of them", () => {
    const { transport_socket: socket } = clusterOf(
      flags({ nodeId: "a", xds: "a.internal:1,b.internal:1", tlsCa: "/ca.pem" }),
    ) as { transport_socket?: JsonObject };
    expect(socket?.["typed_config"]).not.toHaveProperty("sni");
    expect(socket?.["typed_config"]).toMatchObject({
      auto_host_sni: true,
      common_tls_context: {
        validation_context: {
          match_typed_subject_alt_names: [
            { san_type: "DNS", matcher: { exact: "a.internal" } },
            { san_type: "DNS", matcher: { exact: "b.internal" } },
          ],
        },
      },
    });
  });

  it.each([
    ["a:1,", '--xds: "" is not an address'],
    ["a:1,b", '--xds: "b" is not an address'],
    ["a:1,a:1", "--xds names a:1 twice"],
    [Array.from({ length: 21 }, (_, index) => `a${index}:1`).join(","), "--xds names 21 addresses; at most 20"],
  ])("refuses %j as the addresses of replicas", (xds, mistake) => {
    expect(mistakesOf(flags({ nodeId: "a", xds }))[0]).toContain(mistake);
  });

  it("checks the control plane's certificate for its name or address, and shows one of its own", () => {
    const socketOf = (rest: Partial<BootstrapFlags>) => {
      const { transport_socket: socket } = clusterOf(flags({ nodeId: "a", ...rest })) as {
        transport_socket?: JsonObject;
      };
      return socket?.["typed_config"];
    };
    expect(socketOf({})).toBeUndefined();
    expect(socketOf({ xds: "fairway.internal:1", tlsCa: "/ca.pem" })).toMatchObject({
      sni: "fairway.internal",
      common_tls_context: {
        validation_context: {
          trusted_ca: { filename: "/ca.pem" },
          match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "fairway.internal" } }],
        },
      },
    });
    const byAddress = socketOf({ xds: "10.1.2.3:1", tlsCa: "/ca.pem", tlsCert: "/a.pem", tlsKey: "/a.key" });
    expect(byAddress).not.toHaveProperty("sni");
    expect(byAddress).toMatchObject({
      common_tls_context: {
        tls_certificates: [{ certificate_chain: { filename: "/a.pem" }, private_key: { filename: "/a.key" } }],
        validation_context: {
          match_typed_subject_alt_names: [{ san_type: "IP_ADDRESS", matcher: { exact: "10.1.2.3" } }],
        },
      },
    });
    expect(socketOf({ xds: "10.1.2.3:1", tlsCa: "/ca.pem", tlsName: "fairway" })).toMatchObject({ sni: "fairway" });
  });

  it.each([
    [{ tlsCert: "/a.pem", tlsCa: "/ca.pem" }, "--tls-key is missing"],
    [{ tlsKey: "/a.key", tlsCa: "/ca.pem" }, "--tls-cert is missing"],
    [{ tlsCert: "/a.pem", tlsKey: "/a.key" }, "--tls-cert needs --tls-ca"],
    [{ tlsName: "fairway" }, "--tls-name needs --tls-ca"],
    [{ tlsCa: "" }, "need a value"],
  ])("refuses %j", (rest, mistake) => {
    expect(mistakesOf(flags({ nodeId: "a", ...rest }))).toEqual([expect.stringContaining(mistake)]);
  });

  it("has Envoy ask a silent DNS server twice instead of four times, and wait less for it", () => {
    const read = readBootstrapOptions(flags({ nodeId: "a" }));
    expect(read.ok && createBootstrap(read.value)["typed_dns_resolver_config"]).toMatchObject({
      typed_config: { query_timeout_seconds: "2", query_tries: 2 },
    });
  });

  it("calls the control plane's cluster by a name that raw resources may refer to", () => {
    // The same name stands in `snapshot/consistency.ts`, where a reference to it is not dangling.
    expect(controlPlaneOf("10.1.2.3:18000")).toMatchObject({ name: "fairway_xds" });
  });

  it("has the Envoy report its load to the control plane when it is told to, and not otherwise", () => {
    const manager = (loadReports?: boolean) => {
      const read = readBootstrapOptions(flags({ nodeId: "a", ...(loadReports === undefined ? {} : { loadReports }) }));
      return read.ok ? createBootstrap(read.value)["cluster_manager"] : read.error;
    };
    expect(manager()).toBeUndefined();
    expect(manager(true)).toMatchObject({
      load_stats_config: { api_type: "GRPC", grpc_services: [{ envoy_grpc: { cluster_name: "fairway_xds" } }] },
    });
  });

  it("has the Envoy ask for the runtime layer when it is told to, below that of its admin page", () => {
    const layers = (runtime?: boolean) => {
      const read = readBootstrapOptions(flags({ nodeId: "a", ...(runtime === undefined ? {} : { runtime }) }));
      return read.ok ? createBootstrap(read.value)["layered_runtime"] : read.error;
    };
    expect(layers()).toBeUndefined();
    expect(layers(true)).toMatchObject({
      layers: [{ rtds_layer: { name: "fairway", rtds_config: { ads: {} } } }, { admin_layer: {} }],
    });
    expect(mistakesOf(flags({ nodeId: "a", grpc: true, runtime: true }))).toEqual([
      expect.stringContaining("--runtime: gRPC has no runtime layers"),
    ]);
  });

  it("refuses a name for the admin page, which Envoy would not resolve", () => {
    expect(mistakesOf(flags({ nodeId: "a", admin: "localhost:9901" }))).toEqual([
      '--admin: "localhost" is a name; Envoy needs an IP address here, such as 127.0.0.1',
    ]);
  });

  it("names every mistake at once", () => {
    const wrong = flags({
      xds: "x",
      admin: "y",
      locality: "a//b",
      metadata: ["z"],
      output: "toml",
      cluster: "",
    });
    expect(mistakesOf(wrong)).toEqual([
      expect.stringContaining("--output"),
      expect.stringContaining("--node-id is required"),
      expect.stringContaining("--cluster is empty"),
      expect.stringContaining("--xds"),
      expect.stringContaining("--admin"),
      expect.stringContaining("--locality"),
      expect.stringContaining("--metadata"),
    ]);
  });

  it("refuses a node id that is longer than a name can be", () => {
    expect(mistakesOf(flags({ nodeId: "é".repeat(501) }))).toEqual([
      "--node-id has 1002 bytes; at most 1000 are allowed",
    ]);
  });

  it("nests metadata at dots and keeps everything after the first equals sign", () => {
    const metadata = ["team.name=shop", "team.tier=1", "query=a=b", "empty=", "__proto__.x=y"];
    expect(nodeOf(flags({ nodeId: "a", metadata }))["metadata"]).toEqual(
      JSON.parse('{"team":{"name":"shop","tier":"1"},"query":"a=b","empty":"","__proto__":{"x":"y"}}'),
    );
  });

  it.each([[["a=1", "a=2"]], [["a=1", "a.b=2"]], [["a.b=1", "a=2"]]])(
    "refuses metadata that contradicts itself: %j",
    (metadata) => {
      expect(mistakesOf(flags({ nodeId: "a", metadata }))).toEqual([expect.stringContaining("contradicts")]);
    },
  );

  it("writes as much of the locality as it was told", () => {
    const localityOf = (locality: string): unknown => nodeOf(flags({ nodeId: "a", locality }))["locality"];
    expect(localityOf("eu")).toEqual({ region: "eu" });
    expect(localityOf("eu/1/a")).toEqual({ region: "eu", zone: "1", sub_zone: "a" });
  });

  it("prints YAML by default and the same message as JSON", () => {
    const yaml = run("--node-id", "no", "--sotw");
    expect(yaml).toContain('id: "no"');
    expect(yaml).toContain("api_type: GRPC");
    expect(JSON.parse(run("--node-id", "no", "--sotw", "-o", "json"))).toEqual(parse(yaml));
  });

  it("brings any name to readers of YAML 1.1 and of YAML 1.2 alike", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (name) => {
        const yaml = printBootstrap(bootstrapOf(flags({ nodeId: name, metadata: [`name=${name}`] })), "yaml");
        for (const version of ["1.1", "1.2"] as const) {
          expect(parse(yaml, { version })).toMatchObject({ node: { id: name, metadata: { name } } });
        }
      }),
    );
  });

  it("ends with exit code 2 and prints nothing on a usage error", () => {
    const ended = (): void => void run("--xds", "nonsense");
    expect(ended).toThrow(CommanderError);
    expect(ended).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  it("makes the file as the config wants it, and says beside it which flags Envoy is to be started with", async () => {
    const args = (example: string) => [
      fairwayMain,
      "bootstrap",
      "--node-id",
      "a",
      "--config",
      join(examplesDir, example),
    ];
    const named = await promisify(execFile)(process.execPath, args("drain-time"));
    expect(named.stderr).toBe("start this Envoy with: --drain-time-s 60\n");
    expect(parse(named.stdout)).toMatchObject({ node: { id: "a" } });
    expect((await promisify(execFile)(process.execPath, args("hello"))).stderr).toBe("");
    const layered = await promisify(execFile)(process.execPath, args("live-limits"));
    expect(layered.stderr).toBe("with a runtime layer, because the group default has `runtime`\n");
    expect(parse(layered.stdout)).toMatchObject({
      layered_runtime: { layers: [{ name: "fairway" }, { name: "admin" }] },
    });
    await expect(promisify(execFile)(process.execPath, args("multiple-groups"))).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("matches no group"),
    });
  });

  it.each(["delta", "sotw"] as const)("is what envoy/%s.yaml shows", (api) => {
    const shown = readFileSync(new URL(`../../../envoy/${api}.yaml`, import.meta.url), "utf8");
    const printed = run(
      "--node-id",
      `local-${api}`,
      ...(api === "sotw" ? ["--sotw", "--admin", "127.0.0.1:9902"] : []),
    );
    expect(shown.replaceAll(/^#.*\n/gm, "")).toBe(printed);
  });
});

function flags(given: Partial<BootstrapFlags>): BootstrapFlags {
  return {
    cluster: "default",
    xds: "127.0.0.1:18000",
    admin: "127.0.0.1:9901",
    output: "yaml",
    ...given,
  };
}

function mistakesOf(given: BootstrapFlags): readonly string[] {
  const options = readBootstrapOptions(given);
  return options.ok ? [] : options.error;
}

function bootstrapOf(given: BootstrapFlags): JsonObject {
  const options = readBootstrapOptions(given);
  if (!options.ok) throw new Error(options.error.join("; "));
  return createBootstrap(options.value);
}

function xdsOf(xds: string): unknown {
  const options = readBootstrapOptions(flags({ nodeId: "a", xds }));
  return options.ok ? options.value.xds : options.error;
}

function nodeOf(given: BootstrapFlags): Readonly<Record<string, unknown>> {
  return bootstrapOf(given)["node"] as Readonly<Record<string, unknown>>;
}

function controlPlaneOf(xds: string): unknown {
  return clusterOf(flags({ nodeId: "a", xds }));
}

function clusterOf(of: BootstrapFlags): unknown {
  const resources = bootstrapOf(of)["static_resources"];
  return (resources as { readonly clusters: readonly unknown[] }).clusters[0];
}

/** What the command prints for these arguments. */
function run(...args: readonly string[]): string {
  let printed = "";
  bootstrapCommand()
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text), writeErr: () => undefined })
    .parse(args, { from: "user" });
  return printed;
}
