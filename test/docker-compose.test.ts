/**
 * The containers as far as a machine without an engine can check them: every path, script, command, port and address in
 * docker-compose.yml and the Dockerfile is there and fits the others.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { Child } from "../demo/kit/child.ts";
import { freePort } from "../demo/kit/ports.ts";
import { waitUntil } from "../demo/kit/wait-until.ts";
import { bootstrapCommand } from "../src/cli/bootstrap.ts";
import { loadConfig } from "../src/cli/load-config.ts";
import { readListenAddresses } from "../src/cli/serve-options.ts";
import { serveCommand } from "../src/cli/serve.ts";
import { envoyApi } from "./support/envoy-api.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Service {
  readonly build?: string;
  readonly image?: string;
  readonly command: readonly string[];
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly networks: Readonly<Record<string, { readonly ipv4_address: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<
    Record<string, { readonly ipam: { readonly config: readonly { readonly subnet: string }[] } }>
  >;
}

const compose = parse(read("docker-compose.yml"), { strict: true, uniqueKeys: true }) as Compose;
const services = Object.entries(compose.services);
const envoys = services.filter(([, service]) => service.image?.startsWith("envoyproxy/envoy:"));
const backends = services.filter(([, service]) => service.command[1] === "/opt/backend.mjs");
const fairway = compose.services["fairway"] as Service;

interface Mount {
  readonly from: string;
  readonly to: string;
}

const mountsOf = (service: Service): readonly Mount[] =>
  service.volumes.map((volume) => {
    const [from = "", to = ""] = volume.split(":");
    return { from, to };
  });

describe("docker-compose.yml", () => {
  test("has a control plane, a delta and a SotW Envoy, and two backends", () => {
    expect(services.map(([name]) => name)).toEqual([
      "fairway",
      "envoy-delta",
      "envoy-sotw",
      "backend-v1",
      "backend-v2",
    ]);
    expect([envoys.length, backends.length]).toEqual([2, 2]);
    expect(fairway.build).toBe(".");
  });

  test("mounts files and volumes that exist", () => {
    const mounts = services.flatMap(([, service]) => mountsOf(service));
    const missing = mounts.filter(({ from }) =>
      from.startsWith("./") ? !existsSync(join(root, from)) : !Object.hasOwn(compose.volumes, from),
    );
    expect(missing).toEqual([]);
  });

  test("mounts config and state where the image looks for them", () => {
    const mounted = mountsOf(fairway);
    const env = new Map(
      instructions("ENV").flatMap((line) => [...line.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value])),
    );
    expect(mounted).toEqual([
      { from: "./docker/config", to: env.get("FAIRWAY_CONFIG") },
      { from: "state", to: env.get("FAIRWAY_STATE") },
    ]);
  });

  test("starts Fairway with flags that it takes", () => {
    const [name, ...args] = fairway.command;
    expect(name).toBe("serve");
    const command = serveCommand().exitOverride();
    command.parseOptions(args);
    const flags = command.opts<{ xds: string; admin: string; insecureListen?: boolean }>();
    expect(readListenAddresses(flags)).toEqual({
      ok: true,
      value: { xds: { host: "0.0.0.0", port: 18_000 }, admin: { host: "0.0.0.0", port: 18_001 } },
    });
    expect(command.parseOptions(args).unknown).toEqual([]);
    expect(fairway.healthcheck?.test.at(-1)).toContain("http://127.0.0.1:18001/readyz");
  });

  test("publishes on this machine only, and never the port that Envoys connect to", () => {
    const published = services.flatMap(([, service]) => service.ports ?? []);
    expect(published).toEqual(["127.0.0.1:18001:18001", "127.0.0.1:10001:10000", "127.0.0.1:10002:10000"]);
  });

  test("gives every container an address of its own in the network", () => {
    const addresses = services.map(([, service]) => service.networks["mesh"]?.ipv4_address ?? "");
    expect(new Set(addresses).size).toBe(services.length);
    expect(compose.networks["mesh"]?.ipam.config).toEqual([{ subnet: "172.30.18.0/24" }]);
    expect(addresses.filter((address) => !/^172\.30\.18\.(?:[2-9]|\d\d|1\d\d)$/.test(address))).toEqual([]);
  });

  test.each(envoys)("%s starts from the bootstrap that its first lines say", async (name, service) => {
    const [mount] = mountsOf(service);
    const { from = "", to } = mount ?? {};
    expect(service.command.slice(0, 3)).toEqual(["envoy", "-c", to]);
    const text = read(from);
    const typed = /^# fairway bootstrap (.*)$/m.exec(text)?.[1] ?? "";
    expect(typed).toContain(`--node-id ${name} `);
    expect(typed).toContain("--xds fairway:18000");
    expect(typed.includes("--sotw")).toBe(name === "envoy-sotw");
    expect(text.replaceAll(/^#.*\n/gm, "")).toBe(await printedBootstrap(typed.split(" ")));
  });

  test("runs the Envoy whose API Fairway was built with", () => {
    const [set = ""] = globSync("proto/envoy-api-*.binpb.gz", { cwd: root });
    const version = /envoy-api-([\d.]+)\.binpb/.exec(set)?.[1];
    expect(envoys.map(([, { image }]) => image)).toEqual([
      `envoyproxy/envoy:v${version}`,
      `envoyproxy/envoy:v${version}`,
    ]);
  });
});

describe("docker/config", () => {
  test("is good, and leads from the published port to the backends' addresses", async () => {
    const { diagnostics, snapshots } = await loadConfig([join(root, "docker", "config")], envoyApi);
    expect(diagnostics).toEqual([]);
    expect([...(snapshots?.keys() ?? [])]).toEqual(["edge"]);
    const { gateways } = parse(read("docker/config/edge.yaml")) as {
      gateways: Record<string, { listeners: { port: number; address?: string }[] }>;
    };
    expect(Object.values(gateways).flatMap(({ listeners }) => listeners)).toEqual([{ name: "http", port: 10_000 }]);
    const { services: configured } = parse(read("docker/config/services.yaml")) as {
      services: Record<string, { endpoints: { address: string; labels: { version: string } }[] }>;
    };
    const endpoints = Object.values(configured).flatMap((service) => service.endpoints);
    const running = backends.map(([, { networks, command }]) => ({
      address: `${networks["mesh"]?.ipv4_address}:${command[3]}`,
      labels: { version: command[2] },
    }));
    expect(endpoints).toEqual(running);
  });

  test("matches the cluster that the bootstraps name", () => {
    const { nodes } = parse(read("docker/config/edge.yaml")) as {
      nodes: Record<string, { match: { cluster: string } }>;
    };
    const named = envoys.map(([, service]) => {
      const bootstrap = parse(read(mountsOf(service)[0]?.from ?? "")) as { node: { cluster: string } };
      return bootstrap.node.cluster;
    });
    expect(new Set(named)).toEqual(new Set([nodes["edge"]?.match.cluster]));
  });
});

describe("docker/backend.mjs", () => {
  test("answers with its label, and ends when it is told to", async () => {
    const port = await freePort();
    const backend = await Child.start({
      name: "backend",
      command: process.execPath,
      args: [join(root, "docker", "backend.mjs"), "v1", String(port)],
    });
    try {
      await waitUntil(async () => (await labelOf(port)) === "v1", { what: "an answer" });
      backend.kill("SIGTERM");
      expect(await backend.exited).toEqual({ code: 0, signal: null });
    } finally {
      await backend.close();
    }
  });
});

describe("Dockerfile", () => {
  test("copies what exists and what the ignore file lets through", () => {
    const ignore = read(".dockerignore").split("\n");
    const kept = new Set(ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1)));
    const copied = instructions("COPY")
      .filter((line) => !line.includes("--from="))
      .flatMap((line) => line.split(" ").slice(0, -1));
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(copied.filter((path) => !kept.has(path.split("/")[0] ?? ""))).toEqual([]);
    expect([...kept].filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("takes from its build what the build makes", () => {
    const taken = instructions("COPY").filter((line) => line.startsWith("--from="));
    expect(taken).toEqual(["--from=build /src/node_modules ./node_modules", "--from=build /src/dist ./dist"]);
    expect(instructions("FROM")[0]).toMatch(/ AS build$/);
    expect(read("scripts/build.mjs")).toContain('join(root, "dist", "cli")');
  });

  test("runs scripts that exist, on a Node that the package accepts", () => {
    const scripts = instructions("RUN").flatMap((line) => [...line.matchAll(/scripts\/[\w-]+\.mjs/g)].map(String));
    expect(scripts.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(scripts.length).toBeGreaterThan(1);
    const { engines } = JSON.parse(read("package.json")) as { engines: { node: string } };
    const majors = instructions("FROM").map((line) => Number(/^node:(\d+)/.exec(line)?.[1]));
    expect(majors.filter((major) => major < Number(/\d+/.exec(engines.node)?.[0]))).toEqual([]);
  });

  test("starts the package's own command, as somebody who is not root", () => {
    const { bin } = JSON.parse(read("package.json")) as { bin: { fairway: string } };
    const workdir = instructions("WORKDIR").at(-1) ?? "";
    const [node, flag = "", ...command] = JSON.parse(instructions("ENTRYPOINT")[0] ?? "") as readonly string[];
    expect([node, ...command]).toEqual(["node", normalize(join(workdir, bin.fairway))]);
    // Node ends at once when it does not know a flag.
    expect(spawnSync(process.execPath, [flag, "--version"]).status).toBe(0);
    expect(instructions("USER")).toEqual(["node"]);
    expect(JSON.parse(instructions("CMD")[0] ?? "")).toEqual(["serve"]);
  });
});

/** What follows an instruction, one entry for each time it is used. */
function instructions(name: string): readonly string[] {
  const lines = read("Dockerfile").split("\n");
  return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
}

async function printedBootstrap(args: readonly string[]): Promise<string> {
  let printed = "";
  const command = bootstrapCommand()
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text) });
  await command.parseAsync(args, { from: "user" });
  return printed;
}

function labelOf(port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, agent: false }, (response) => {
      response.resume();
      resolve(response.headers["x-backend"]);
    });
    request.on("error", () => resolve(undefined));
  });
}
