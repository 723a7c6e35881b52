/**
 * One server and the load client before it: what is done to them, and what that cost.
 *
 * The server is a program of its own, so that its processor time and memory are nobody else's. A snapshot is
 * made ready first and handed over then, so the time and cost of a change begin at a finished snapshot.
 */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cpuTime, forgetPeak, memoryOf } from "../proc-files.ts";
import type { Memory } from "../proc-files.ts";
import type { GoTools } from "./go-tools.ts";
import { OrderedProgram } from "./ordered-program.ts";
import type { Change, ClientOrder, ClientReport, ExpectedNames, ServerOrder } from "./orders.ts";

/** Who is measured. */
export type Peer = "fairway" | "go-control-plane" | "go-control-plane-linear";

/** What a session is opened with. */
export interface SessionOptions {
  readonly peer: Peer;
  readonly tools: GoTools;
  readonly variant: "delta" | "sotw";
  readonly clusters: number;
  /** A directory with certificate.pem and key.pem: serve with TLS. */
  readonly tlsDir?: string | undefined;
  /** Where Fairway leaves a CPU profile. */
  readonly profileDir?: string | undefined;
}

/** What something cost the server. */
export interface Cost {
  readonly cpuMs: number;
  readonly peakMib: number;
  /** Absent for a server without an event loop. */
  readonly loopMaxMs: number | undefined;
}

/** A change, or a first sync. */
export interface Spread extends Cost {
  /** From its beginning to the last acknowledgement of each stream. */
  readonly timesMs: readonly number[];
  readonly report: ClientReport;
}

/** A change: what making the snapshot ready cost is not in `cpuMs`. */
export interface Changed extends Spread {
  readonly buildCpuMs: number;
}

const SERVER_PATH = fileURLToPath(new URL("./fairway-server.ts", import.meta.url));

/** The peer needs a minute for what it does at 1,000 streams and 10,000 clusters, and four on a busy machine. */
const ACKNOWLEDGE_MS_MAX = 600_000;

/** A server is at rest when it used less than this in each of two looks. */
const RESTING_CPU_MS = 1.5;
const LOOK_EVERY_MS = 40;
const REST_MS_MAX = 120_000;

/** A peer that sends a refused response again and again is not answered any more after so many refusals a stream. */
const REJECTS_MAX = 10;

/** Prime, so that changes come to every cluster before they come to one again. */
const STRIDE = 7_919;

/** Open and close as a pair of programs. */
export class Session implements AsyncDisposable {
  readonly #options: SessionOptions;
  readonly #server: OrderedProgram;
  readonly #client: OrderedProgram;
  readonly #address: string;
  #turns = 0;

  private constructor(
    options: SessionOptions,
    programs: { readonly server: OrderedProgram; readonly client: OrderedProgram },
    port: number,
  ) {
    this.#options = options;
    this.#server = programs.server;
    this.#client = programs.client;
    this.#address = `127.0.0.1:${port}`;
  }

  /** Starts both programs and publishes the first snapshot. */
  static async open(options: SessionOptions): Promise<Session> {
    const [server, { port }] = await OrderedProgram.start<{ port: number }>(serverCommand(options));
    const clientCommand = { name: "the load client", command: options.tools.clientPath, args: [] };
    const [client] = await OrderedProgram.start(clientCommand);
    const session = new Session(options, { server, client }, port);
    try {
      await session.#obey({ do: "start", clusters: options.clusters });
      await session.#obey({ do: "publish" });
      await session.#rest();
      return session;
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens streams in place of those there are; resolves when they have everything. */
  async connect(streams: number, neverRead = 0): Promise<Spread> {
    await this.disconnect();
    return this.#measured(async () => {
      const { startedAtMs } = await this.#connect({ streams, neverRead, resume: false });
      const report = await this.#acknowledged();
      return { timesMs: report.ackedAtMs.map((atMs) => atMs - startedAtMs), report };
    });
  }

  /** Closes all streams and opens as many that hold what these held; resolves when nothing happens any more. */
  async reconnect(streams: number): Promise<Spread> {
    await this.disconnect();
    return this.#measured(async () => {
      const { startedAtMs } = await this.#connect({ streams, neverRead: 0, resume: true });
      const restAtMs = await this.#rest();
      const report = await this.#tell<ClientReport>({ do: "report" });
      const lastAtMs = report.responses === 0 ? restAtMs : report.lastAtMs;
      return { timesMs: [lastAtMs - startedAtMs], report };
    });
  }

  async disconnect(): Promise<void> {
    await this.#tell({ do: "close" });
    await this.#rest();
  }

  /** Makes a change; resolves when every stream has acknowledged it and the server is at rest. */
  async change(what: Change["what"]): Promise<Changed> {
    const { change, expected } = this.#nextChange(what);
    const { cpuMs: buildCpuMs } = await this.#obey<{ cpuMs: number }>({ do: "change", change });
    const rejects = what === "refused-cluster" ? { reject: change.index, rejectsMax: REJECTS_MAX } : {};
    await this.#tell({ do: "expect", changed: expected, ...rejects });
    const measured = await this.#measured(async () => {
      const { atMs } = await this.#obey<{ atMs: number }>({ do: "publish" });
      const report = await this.#acknowledged();
      return { timesMs: report.ackedAtMs.map((ackedAtMs) => ackedAtMs - atMs), report };
    });
    // What came after the last acknowledgement counts for bytes as it does for time.
    return { ...measured, report: await this.#tell<ClientReport>({ do: "report" }), buildCpuMs };
  }

  /** Memory after a collection: resident, and what is in use of the heap. */
  async memory(): Promise<Pick<Memory, "nowMib"> & { readonly heapBytes: number }> {
    const { heapBytes } = await this.#obey<{ heapBytes: number }>({ do: "collect" });
    return { ...(await memoryOf(this.#server.pid)), heapBytes };
  }

  /** Asks the peer whether these bytes mean what its own resource means. */
  async compare(type: string, bytes: Uint8Array): Promise<boolean> {
    const order = { do: "compare", type, bytes: Buffer.from(bytes).toString("base64") } as const;
    return (await this.#obey<{ same: boolean }>(order)).same;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }

  #nextChange(what: Change["what"]): { readonly change: Change; readonly expected: ExpectedNames } {
    this.#turns += 1;
    const index = (this.#turns * STRIDE) % this.#options.clusters;
    const change = { what, index, turn: this.#turns };
    if (what === "all-endpoints") return { change, expected: { allEndpoints: true } };
    if (what === "endpoints") return { change, expected: { endpoints: [index] } };
    // Fairway sends the endpoints of a changed cluster again, because Envoy waits for them; the peer does not.
    const follow = this.#options.peer === "fairway" && what === "cluster";
    return { change, expected: { clusters: [index], ...(follow ? { endpoints: [index] } : {}) } };
  }

  #connect(how: {
    readonly streams: number;
    readonly neverRead: number;
    readonly resume: boolean;
  }): Promise<{ readonly startedAtMs: number }> {
    const { variant, clusters, tlsDir } = this.#options;
    const authority = tlsDir === undefined ? "" : `${tlsDir}/certificate.pem`;
    return this.#tell({ do: "connect", address: this.#address, variant, clusters, authority, ...how });
  }

  async #acknowledged(): Promise<ClientReport> {
    const report = await this.#tell<ClientReport>({ do: "await", timeoutMs: ACKNOWLEDGE_MS_MAX });
    if (report.lateCount === 0) return report;
    throw new Error(
      `${report.lateCount} streams did not acknowledge within ${ACKNOWLEDGE_MS_MAX / 1_000} s; ${report.missing}`,
    );
  }

  /** What something costs the server until it is at rest again. */
  async #measured<Done extends object>(work: () => Promise<Done>): Promise<Done & Cost> {
    const { pid } = this.#server;
    await this.#obey({ do: "loop" });
    await forgetPeak(pid);
    const before = await cpuTime(pid);
    const done = await work();
    await this.#rest();
    const after = await cpuTime(pid);
    const { peakMib } = await memoryOf(pid);
    const { loopMaxMs } = await this.#obey<{ loopMaxMs: number | null }>({ do: "loop" });
    return { ...done, cpuMs: after.allMs - before.allMs, peakMib, loopMaxMs: loopMaxMs ?? undefined };
  }

  /** Waits until the server does nothing; resolves with the moment when it began to do nothing. */
  async #rest(): Promise<number> {
    const startedAt = performance.now();
    let before = (await cpuTime(this.#server.pid)).allMs;
    let quietLooks = 0;
    let quietSinceMs = monotonicMs();
    while (quietLooks < 2 && performance.now() - startedAt < REST_MS_MAX) {
      const lookedAtMs = monotonicMs();
      await pause(LOOK_EVERY_MS);
      const { allMs } = await cpuTime(this.#server.pid);
      const isQuiet = allMs - before < RESTING_CPU_MS;
      if (isQuiet && quietLooks === 0) quietSinceMs = lookedAtMs;
      quietLooks = isQuiet ? quietLooks + 1 : 0;
      before = allMs;
    }
    return quietSinceMs;
  }

  #obey<Answer>(order: ServerOrder): Promise<Answer> {
    return this.#server.order(order);
  }

  #tell<Answer>(order: ClientOrder): Promise<Answer> {
    return this.#client.order(order);
  }
}

/** The kernel's clock, on which all the programs agree. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function serverCommand({ peer, tools, tlsDir, profileDir }: SessionOptions) {
  const tls = tlsDir === undefined ? [] : ["--certificate", `${tlsDir}/certificate.pem`, "--key", `${tlsDir}/key.pem`];
  if (peer === "fairway") {
    const profile = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
    return { name: "Fairway", command: process.execPath, args: ["--expose-gc", ...profile, SERVER_PATH, ...tls] };
  }
  const cache = peer === "go-control-plane" ? "snapshot" : "linear";
  return { name: peer, command: tools.peerPath, args: ["--cache", cache, ...tls] };
}
