/**
 * What the tests with gRPC clients start from: a config directory that is edited, the control plane as its users
 * run it, and backends that answer with their label. Everything ends with the scope: `await using`.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fairway } from "../../demo/kit/fairway.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { tempDir } from "../support/temp-dir.ts";
import { GrpcBackend } from "./grpc-backend.ts";
import type { CallCounts } from "./grpc-client.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { ClientProgram } from "./grpc-programs.ts";

/** A running scene. */
export interface GrpcScene extends AsyncDisposable {
  readonly fairway: Fairway;
  /** Addresses of the backends, which are labelled `a`, `b`, … in this order. */
  readonly addresses: readonly string[];
  /** Replaces the config in one step, as careful tools do. */
  save(text: string): Promise<void>;
  /** A client, which is ended with the scene at the latest. */
  client(program: ClientProgram, target: string): Promise<GrpcClient>;
  /** Lets each client call one by one until a call ends as it should. */
  callUntil(clients: readonly GrpcClient[], isEnough: (ended: CallCounts) => boolean): Promise<void>;
  /** What the control plane says of every node. */
  statuses(): Promise<readonly string[]>;
  /** Waits until so many nodes have what they asked for: a client may answer before its acknowledgement has come. */
  synced(count: number): Promise<void>;
}

/** Starts everything but clients. */
export async function startGrpcScene(options: {
  readonly backends: number;
  /** The first content of `main.yaml`; it is told the addresses. */
  readonly config: (addresses: readonly string[]) => string;
  /** Further flags of `serve`. */
  readonly args?: readonly string[];
}): Promise<GrpcScene> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await tempDir());
    const addresses: string[] = [];
    for (let index = 0; index < options.backends; index += 1) {
      addresses.push(stack.use(await GrpcBackend.start("abcdef".charAt(index))).address);
    }
    const configDir = directory.join("config");
    await mkdir(configDir);
    await writeFile(join(configDir, "main.yaml"), options.config(addresses));
    const fairway = stack.use(
      await Fairway.start({ configDir, stateDir: directory.join("state"), args: options.args ?? [] }),
    );
    let clientsCount = 0;
    const statuses = async () => {
      const { nodes } = await fairway.get<{ readonly nodes: readonly { readonly status: string }[] }>("/v1/nodes");
      return nodes.map(({ status }) => status);
    };
    return {
      fairway,
      addresses,
      async save(text) {
        await writeFile(join(configDir, ".main.yaml.new"), text);
        await rename(join(configDir, ".main.yaml.new"), join(configDir, "main.yaml"));
      },
      async client(program, target) {
        clientsCount += 1;
        const nodeId = `${program.name}-${clientsCount}`;
        const { xdsPort } = fairway;
        return stack.use(await GrpcClient.start(program, { folder: directory.path, xdsPort, target, nodeId }));
      },
      async callUntil(clients, isEnough) {
        const ends = clients.map((client) =>
          waitUntil(async () => isEnough(await client.call()), {
            what: `the calls of ${client.nodeId} to end otherwise`,
            timeoutMs: 20_000,
            everyMs: 5,
          }),
        );
        await Promise.all(ends);
      },
      statuses,
      async synced(count) {
        const isSo = (found: readonly string[]) => found.length === count && found.every((each) => each === "synced");
        await waitUntil(async () => isSo(await statuses()), { what: `${count} nodes to be synced`, timeoutMs: 20_000 });
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}
