/**
 * A control plane in this process: real files, a real state directory, real gRPC, and its admin API.
 *
 * Everything that a test may look at is at hand; `await using` ends it, and `restart` is a new one on what
 * the old one left on disk.
 */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Registry } from "prom-client";
import type { AdminServer } from "../../src/admin/admin-server.ts";
import { createAdminServer } from "../../src/admin/admin-server.ts";
import { createReadModels } from "../../src/cli/admin-read-models.ts";
import { registerClientStatus } from "../../src/cli/client-status.ts";
import { ControlPlane } from "../../src/cli/control-plane.ts";
import { DirectorySource } from "../../src/config/directory-source.ts";
import { GenerationStore } from "../../src/store/generation-store.ts";
import type { Clock } from "../../src/support/clock.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { FairwayEvent } from "../../src/telemetry/event.ts";
import { monitorLoopDelay } from "../../src/telemetry/loop-delay.ts";
import { createTimeline } from "../../src/telemetry/timeline.ts";
import { eventuallyValue } from "../support/eventually.ts";
import { noRollouts } from "../support/no-rollouts.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { XdsClientOptions } from "./xds-client.ts";
import { XdsClient } from "./xds-client.ts";

export interface PlaneOptions {
  /** Path under the config directory → text. */
  readonly files: Readonly<Record<string, string>>;
  /** How long a snapshot must serve to become the last known good; an hour, so never, when absent. */
  readonly soakMs?: number;
  /** How far ahead of the machine's its clock is for what has a date; not at all when absent. */
  readonly aheadMs?: number;
}

type Times = Pick<PlaneOptions, "soakMs" | "aheadMs">;

type Kind = FairwayEvent["kind"];

/** A running one. */
export class RunningPlane implements AsyncDisposable {
  readonly events: FairwayEvent[] = [];
  readonly plane: ControlPlane;
  readonly admin: AdminServer;
  readonly configDir: string;
  readonly stateDir: string;
  port = 0;
  readonly #root: string;
  readonly #loopDelay = monitorLoopDelay();

  private constructor(root: string, store: GenerationStore, { soakMs = 3_600_000, aheadMs = 0 }: Times) {
    const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
    this.#root = root;
    this.configDir = join(root, "config");
    this.stateDir = join(root, "state");
    const timeline = createTimeline();
    this.plane = new ControlPlane({
      source: new DirectorySource({ roots: [this.configDir], clock }),
      store,
      clock,
      identifier: "test",
      soakMs,
      loadIntervalMs: 1_000,
      record: (event) => {
        this.events.push(event);
        timeline.record(event);
      },
    });
    registerClientStatus({ plane: this.plane, sets: [], clock, verifiesNode: false });
    this.admin = createAdminServer({
      listen: { host: "127.0.0.1", port: 0 },
      version: "0.0.0",
      views: {
        ...createReadModels({
          plane: this.plane,
          clock,
          registry: new Registry(),
          timeline,
          loopDelay: this.#loopDelay,
        }),
        ...noRollouts,
      },
      onError: (error) => {
        throw error;
      },
    });
  }

  static async start(options: PlaneOptions): Promise<RunningPlane> {
    const directory = await tempDir();
    await mkdir(directory.join("config"));
    for (const [name, text] of Object.entries(options.files)) await saveIn(directory.join("config"), name, text);
    return RunningPlane.#open(directory.path, options);
  }

  static async #open(root: string, times: Times = {}, port = 0): Promise<RunningPlane> {
    const store = await GenerationStore.open({ directory: join(root, "state") });
    const running = new RunningPlane(root, store, times);
    running.port = await running.plane.server.listen(`127.0.0.1:${port}`);
    await running.plane.start();
    return running;
  }

  /** Replaces a file in one step. */
  async save(text: string, name = "main.yaml"): Promise<void> {
    await saveIn(this.configDir, name, text);
  }

  connect(options: Omit<XdsClientOptions, "port"> = {}): XdsClient {
    return new XdsClient({ ...options, port: this.port });
  }

  /** The version that a group is served. */
  version(group = "default"): string | undefined {
    return this.plane.publication.served.get(group as never)?.version;
  }

  /** The version that nodes are given once it is another one than `before`. */
  newVersion(before?: string): Promise<string> {
    return eventuallyValue(`a version other than ${before ?? "none"}`, () => {
      const given = this.events.findLast(({ kind }) => kind === "config-accepted" || kind === "lkg-loaded");
      const version = given !== undefined && "snapshotVersion" in given ? given.snapshotVersion : undefined;
      return version === before ? undefined : version;
    });
  }

  /** The event of a kind with this index, as soon as it has happened. */
  event<K extends Kind>(kind: K, index = 0): Promise<FairwayEvent & { readonly kind: K }> {
    return eventuallyValue(`event ${index} of the kind ${kind}`, () => this.all(kind)[index]);
  }

  all<K extends Kind>(kind: K): readonly (FairwayEvent & { readonly kind: K })[] {
    return this.events.filter((event): event is FairwayEvent & { readonly kind: K } => event.kind === kind);
  }

  /** Asks the admin API. */
  async ask(
    url: string,
    rest: {
      readonly method?: "GET" | "POST" | "PUT";
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: object;
    } = {},
  ): Promise<{ readonly status: number; readonly text: string; readonly json: unknown }> {
    const { method = "GET", headers = {}, body } = rest;
    const answer = await this.admin.app.inject({
      method,
      url,
      headers: { host: "localhost", ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    const isJson = answer.headers["content-type"]?.toString().includes("json") === true;
    return { status: answer.statusCode, text: answer.body, json: isJson ? answer.json<unknown>() : undefined };
  }

  /** Ends this one and starts the next on the same port, so that clients find it again. */
  async restartInPlace(meanwhile: () => Promise<void> = async () => undefined): Promise<RunningPlane> {
    await this.close();
    await meanwhile();
    return RunningPlane.#open(this.#root, {}, this.port);
  }

  /** Ends this one; the next one finds the same disk, after `meanwhile`. */
  async restart(meanwhile: () => Promise<void> = async () => undefined, soakMs?: number): Promise<RunningPlane> {
    await this.close();
    await meanwhile();
    return RunningPlane.#open(this.#root, soakMs === undefined ? {} : { soakMs });
  }

  async close(): Promise<void> {
    await this.plane.close();
    await this.admin.close();
    this.#loopDelay[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await rm(this.#root, { recursive: true, force: true });
  }
}

/** A config of one port and services `name → endpoints`, with every request to the first of them. */
export function configOf(services: Readonly<Record<string, string>>, more = ""): string {
  const [first] = Object.keys(services);
  const lines = Object.entries(services).map(([name, endpoint]) => `  ${name}: { endpoints: ["${endpoint}"] }`);
  return `gateways: { public: { listeners: [{ name: http, port: 10000 }] } }
routes: { all: { rules: [{ name: main, backends: [{ service: ${first} }] }] } }
services:
${lines.join("\n")}
${more}`;
}

async function saveIn(directory: string, name: string, text: string): Promise<void> {
  const target = join(directory, name);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(`${target}.new~`, text);
  await rename(`${target}.new~`, target);
}
