/**
 * One Fairway and four Envoys: delta and SotW, of the newest version and of the oldest, each behind a relay of its
 * own that shows what is said and can disturb it.
 *
 * Each Envoy is a node group with a gateway of its own, because they share a machine and its ports; services and
 * routes are common to all. So one edit is one change for each of the four, and a rule of the protocol is held
 * against all of them at once.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Backend } from "../../demo/kit/backend.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { EnvoyOptions } from "../../demo/kit/envoy.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { NodeView } from "./scene.ts";
import { XdsRelay } from "./xds-relay.ts";

/** One of the four. */
export interface Member {
  /** Its node id, its group and its gateway: `delta-140`, `sotw-136` and so on. */
  readonly name: string;
  readonly api: "delta" | "sotw";
  /** Where its gateway listens. */
  readonly port: number;
  /** For a second listener. */
  readonly sparePort: number;
  readonly relay: XdsRelay;
  readonly envoy: Envoy;
  readonly url: string;
}

/** What a config is made from. */
export interface FourPorts {
  readonly backends: readonly string[];
  readonly members: readonly Pick<Member, "name" | "api" | "port" | "sparePort">[];
  /** The keys `nodes` and `gateways`; `keys` are put into each group, and `gatewayKeys` into each gateway. */
  groups(keys?: string, gatewayKeys?: string): string;
}

export interface FourOptions {
  readonly backends: number;
  readonly config: (four: FourPorts) => string;
  /** Puts further files into the config directory before Fairway is started. */
  readonly prepare?: (configDir: string) => Promise<void>;
  /** Further command line arguments of Fairway. */
  readonly args?: readonly string[];
  /** What all four Envoys are started with besides. */
  readonly envoy?: Pick<EnvoyOptions, "loadReports" | "locality">;
  /** Without ADS no stream alone shows that an Envoy has everything; then it only has to be ready. */
  readonly converges?: false;
  /** Disturbs what is said from the first message on. */
  readonly disturb?: (relay: XdsRelay) => void;
  /** Top-level fields that replace the bootstrap's own. */
  readonly override?: (bootstrap: {
    readonly api: "delta" | "sotw";
    readonly xdsPort: number;
  }) => EnvoyOptions["override"];
}

/** The running whole; everything ends with the scope. */
export interface Four extends AsyncDisposable {
  readonly fairway: Fairway;
  readonly backends: readonly Backend[];
  readonly members: readonly Member[];
  readonly ports: FourPorts;
  readonly configDir: string;
  /** Replaces the config in one step. */
  save(text: string, name?: string): Promise<void>;
  /** Replaces the config and waits until all four have it. */
  change(text: string): Promise<void>;
  nodes(): Promise<ReadonlyMap<string, NodeView>>;
  /** Waits until each Envoy has what its group is served, and something else than `before`. */
  converged(before?: ReadonlyMap<string, NodeView>): Promise<void>;
  /** Looks at all four at once; what fails says in whose name. */
  each<T>(look: (member: Member) => Promise<T>): Promise<readonly T[]>;
}

/** Both variants, with the newest Envoy and the oldest that is tried. */
export const kinds = [
  { name: "delta-140", api: "delta", version: "1.40" },
  { name: "sotw-140", api: "sotw", version: "1.40" },
  { name: "delta-136", api: "delta", version: "1.36" },
  { name: "sotw-136", api: "sotw", version: "1.36" },
] as const;

/** Starts everything and waits until each Envoy takes traffic. */
export async function startFour(options: FourOptions): Promise<Four> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await tempDir());
    const configDir = directory.join("config");
    await mkdir(configDir);
    const backends: Backend[] = [];
    for (let index = 1; index <= options.backends; index += 1) {
      backends.push(stack.use(await Backend.start({ label: `v${index}` })));
    }
    const places = await Promise.all(
      kinds.map(async (kind) => ({ ...kind, port: await freePort(), sparePort: await freePort() })),
    );
    const addresses = backends.map(({ address }) => address);
    const ports: FourPorts = { backends: addresses, members: places, groups: (...keys) => groups(places, ...keys) };
    await writeFile(join(configDir, "main.yaml"), options.config(ports));
    await options.prepare?.(configDir);
    const fairway = stack.use(
      await Fairway.start({ configDir, stateDir: directory.join("state"), args: options.args ?? [] }),
    );
    const members = await Promise.all(
      places.map(async ({ version, ...place }): Promise<Member> => {
        const relay = stack.use(await XdsRelay.start(fairway.xdsPort));
        options.disturb?.(relay);
        const { name, api } = place;
        const override = options.override?.({ api, xdsPort: relay.port });
        const envoy = stack.use(
          await Envoy.start({
            xdsPort: relay.port,
            nodeId: name,
            cluster: name,
            api,
            version,
            ...options.envoy,
            ...(override === undefined ? {} : { override }),
          }),
        );
        return { ...place, relay, envoy, url: `http://127.0.0.1:${place.port}/` };
      }),
    );
    const four = createFour({ fairway, backends, members, ports, configDir }, stack);
    await four.each(({ envoy }) => envoy.ready());
    if (options.converges !== false) await four.converged();
    return four;
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

type Parts = Pick<Four, "fairway" | "backends" | "members" | "ports" | "configDir">;

function createFour(parts: Parts, stack: AsyncDisposableStack): Four {
  const { fairway, members, configDir } = parts;
  const nodes = async () => {
    const page = await fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes");
    return new Map(page.nodes.map((node) => [node.id, node]));
  };
  const haveAll = async (before: ReadonlyMap<string, NodeView>): Promise<void> => {
    await waitUntil(
      async () => {
        const now = await nodes();
        return members.every(({ name }) => {
          const node = now.get(name);
          const has = node?.connected === true && node.wanted !== undefined && node.acknowledged === node.wanted;
          return has && node.wanted !== before.get(name)?.wanted;
        });
      },
      { what: "all four Envoys to have what they are served", timeoutMs: 30_000, everyMs: 2 },
    );
  };
  const save = async (text: string, name = "main.yaml"): Promise<void> => {
    const temporary = join(configDir, `.${name}.new`);
    await writeFile(temporary, text);
    await rename(temporary, join(configDir, name));
  };
  return {
    ...parts,
    save,
    nodes,
    async change(text) {
      const before = await nodes();
      await save(text);
      await haveAll(before);
    },
    converged: (before = new Map()) => haveAll(before),
    each: (look) =>
      Promise.all(
        members.map((member) =>
          look(member).catch((cause: unknown) => {
            throw new Error(`${member.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
          }),
        ),
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function groups(members: readonly Pick<Member, "name" | "port">[], keys = "", gatewayKeys = ""): string {
  const nodes = members.map(({ name }) => `  ${name}: { match: { cluster: ${name} }, ${keys} }`);
  const gateways = members.map(
    ({ name, port }) =>
      `  ${name}: { nodes: ${name}, listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], ${gatewayKeys} }`,
  );
  return ["nodes:", ...nodes, "gateways:", ...gateways, ""].join("\n");
}
