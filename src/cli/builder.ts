/**
 * The serving thread's side of building: one build at a time, the newest input behind it.
 *
 * A build that hangs or a thread that dies is answered like wrong input: what is served stays, and the next
 * change starts a new thread.
 */
import { once } from "node:events";
import { setTimeout as elapsed } from "node:timers/promises";
import { MessageChannel, Worker, receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { ReferencedFiles } from "../config/referenced-files.ts";
import type { Registry } from "../config/registry.ts";
import { packEntries } from "../config/registry-change.ts";
import type { Document, SourceProblem, SourceState } from "../config/source.ts";
import type { Positions, Progress } from "../etcd/positions.ts";
import { newest } from "../etcd/positions.ts";
import type { AskedRequest } from "../explain/asked-request.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { InstanceProblem, RefusedInstances } from "../model/read-instance.ts";
import type { SecretValidity } from "../model/validity.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import { unpackResources } from "../snapshot/packed-resources.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { SnapshotChange } from "../snapshot/snapshot-change.ts";
import { applyChange } from "../snapshot/snapshot-change.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type {
  BuildReply,
  BuildRequest,
  BuildWorkerStart,
  BuiltSplit,
  DocumentsChange,
  ResourcePart,
  SplitsInput,
} from "./build-protocol.ts";
import type { ExplainedFacts } from "./explain-client.ts";
import { ExplainClient } from "./explain-client.ts";

/** Far above what 64 MiB of config need; a longer build is a hang. */
const BUILD_MS_MAX = 120_000;

/** Heap of the building thread: 64 MiB of YAML with positions need about 2 GiB. */
const HEAP_MB_MAX = 4_096;
/** What a build makes stays or goes at once: three times as much saves no time, and is held for good. */
const YOUNG_MB_MAX = 48;

/**
 * Parts are taken for this long before the event loop gets a turn. Node itself would hand over all that
 * wait in one turn: ten thousand services held it up for 0.4 s.
 */
const TAKE_MS_MAX = 5;

/** For so long a thread that still loads its modules is not ended: a process that did so died of SIGSEGV once. */
const LOAD_MS_MAX = 5_000;

/** What became of one input. */
export type BuildOutcome = {
  readonly state: SourceState;
  /** How far it is in etcd, `reached` only of what registered there; undefined without etcd. */
  readonly etcd?: Progress | undefined;
} & (
  | {
      readonly kind: "built";
      readonly groups: readonly NodeGroup[];
      readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
      readonly warnings: readonly Diagnostic[];
      readonly buildMs: number;
      readonly validities: readonly SecretValidity[];
      readonly splits: readonly BuiltSplit[];
      readonly refusedInstances: readonly InstanceProblem[];
      readonly refusedNow: RefusedInstances;
    }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "failed"; readonly error: FairwayError }
);

/** Snapshots as bytes for the disk. */
export interface PersistedBytes {
  readonly group: GroupName;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** What the builder reports to. */
export interface BuilderPorts {
  readonly clock: Clock;
  /** Where the files that documents name are read. */
  readonly files: Pick<ReferencedFiles, "state" | "read">;
  /** Where instances register; absent where there is no etcd. */
  readonly registry?: Pick<Registry, "read" | "take" | "forget"> | undefined;
  /** What was set of the weights of splits; absent where nobody can. */
  readonly splits?: (SplitsInput & { readonly changed: Positions }) | undefined;
  /** Private types beside the Envoy API. */
  readonly sets?: readonly DescriptorSet[];
  onOutcome(outcome: BuildOutcome): void;
  onPersisted(persisted: PersistedBytes): void;
}

/** The build that the thread is at. */
interface Running {
  readonly buildId: number;
  readonly state: SourceState;
  readonly timer: NodeJS.Timeout;
  etcd: Progress | undefined;
}

/** Owns the building thread. */
export class Builder {
  readonly #ports: BuilderPorts;
  #worker: Worker | undefined;
  /** When the newest thread has loaded its modules, or is gone. */
  #loaded: Promise<unknown> = Promise.resolve();
  /** What the building thread has. */
  readonly #known = { config: new Map<string, string>(), files: new Map<string, string>() };
  #built = new Map<GroupName, Snapshot>();
  #parts = new Map<string, Resource[]>();
  readonly #explaining = new ExplainClient();
  #running: Running | undefined;
  #next: SourceState | undefined;
  /** Comes before `#next`, and is not replaced by it. */
  #ahead: SourceState | undefined;
  #buildIds = 0;
  #closed = false;

  constructor(ports: BuilderPorts) {
    this.#ports = ports;
    this.#worker = this.#spawn();
  }

  /** Builds this state; a state that is still waiting is replaced. */
  build(state: SourceState): void {
    if (this.#running === undefined) this.#start(state);
    else this.#next = state;
  }

  /** Builds this state before any that waits. */
  buildAhead(state: SourceState): void {
    if (this.#running === undefined) this.#start(state);
    else this.#ahead = state;
  }

  /** Nothing is being built, and nothing waits to be. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Explains a request from a snapshot, which need not be one that was built here. */
  explain(asked: AskedRequest, snapshot: Snapshot): Promise<Result<ExplainedFacts, string>> {
    if (!this.#closed) this.#worker ??= this.#spawn();
    return this.#explaining.ask(asked, snapshot);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#explaining.disconnect();
    clearTimeout(this.#running?.timer);
    if (this.#worker === undefined) return;
    await this.#loaded;
    await this.#worker.terminate();
  }

  #start(state: SourceState): void {
    if (this.#closed) return;
    this.#worker ??= this.#spawn();
    this.#buildIds += 1;
    const buildId = this.#buildIds;
    const timer = setTimeout(() => this.#hung(), BUILD_MS_MAX);
    this.#running = { buildId, state, timer, etcd: undefined };
    this.#parts.clear();
    this.#request(this.#worker, this.#running);
  }

  #request(worker: Worker, running: Running): void {
    const { buildId, state } = running;
    const files = this.#ports.files.state;
    const update = this.#ports.registry?.take();
    const upserted = packEntries(update?.upserted ?? []);
    if (update !== undefined) {
      const { changed, reached } = update.etcd;
      const read = [state.etcd, files.etcd, this.#ports.splits?.changed].filter((positions) => positions !== undefined);
      running.etcd = { changed: newest(...read, changed), reached };
    }
    const request: BuildRequest = {
      buildId,
      config: changeSince(this.#known.config, state),
      files: changeSince(this.#known.files, files),
      filesRead: files.paths,
      cause: { text: state.cause, atMs: this.#ports.clock.nowMs() },
      registry: update && { ...update, upserted },
      splits: { live: this.#ports.splits?.live ?? [], failure: this.#ports.splits?.failure },
    };
    worker.postMessage(request, [upserted.revisions.buffer, upserted.ends.buffer, upserted.values.buffer]);
  }

  /** Reads what the documents name, and goes on with the build. */
  async #readNamed({ buildId, paths, prefixes }: BuildReply & { readonly kind: "needs" }): Promise<void> {
    await Promise.all([this.#ports.files.read(paths), this.#ports.registry?.read(prefixes)]);
    const running = this.#running;
    if (this.#closed || this.#worker === undefined || running?.buildId !== buildId) return;
    this.#request(this.#worker, running);
  }

  #spawn(): Worker {
    // Under Node's type stripping this file is builder.ts, in the package builder.js; the worker lies beside it.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const { port1: parts, port2 } = new MessageChannel();
    const explaining = new MessageChannel();
    const start: BuildWorkerStart = { parts: port2, explain: explaining.port2, sets: this.#ports.sets ?? [] };
    const worker = new Worker(new URL(`./build-worker.${extension}`, import.meta.url), {
      workerData: start,
      transferList: [port2, explaining.port2],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX, maxYoungGenerationSizeMb: YOUNG_MB_MAX },
    });
    this.#explaining.connect(explaining.port1);
    this.#loaded = loaded(worker);
    worker.on("message", (reply: BuildReply) => this.#receive(reply, parts));
    worker.on("error", (cause: Error) => this.#died(worker, cause));
    return worker;
  }

  #receive(reply: BuildReply, parts: MessagePort): void {
    if (reply.kind === "ready") return;
    if (reply.kind === "persisted") {
      this.#ports.onPersisted(reply);
      return;
    }
    if (this.#running?.buildId !== reply.buildId) return;
    if (reply.kind === "needs") {
      this.#readNamed(reply).catch((cause: unknown) => this.#failed("the files cannot be read", cause));
      return;
    }
    if (reply.kind === "built") {
      void this.#take(reply, parts);
      return;
    }
    const { diagnostics } = reply;
    this.#finish((state) => ({ kind: "refused", state, diagnostics }));
  }

  /** Takes the parts, a few milliseconds at a time, and then finishes; a small build finishes at once. */
  async #take(reply: BuildReply & { readonly kind: "built" }, parts: MessagePort): Promise<void> {
    const { clock } = this.#ports;
    let turnStartedMs = clock.monotonicMs();
    for (;;) {
      const received = receiveMessageOnPort(parts);
      if (received === undefined) break;
      const { group, packed } = received.message as ResourcePart;
      const key = partKey(group, packed.typeUrl);
      const ofType = this.#parts.get(key) ?? [];
      this.#parts.set(key, ofType);
      // A change is copied, so that what stays of it does not hold what has long been replaced.
      ofType.push(...unpackResources(packed, { isCopied: this.#built.has(group) }));
      if (clock.monotonicMs() - turnStartedMs < TAKE_MS_MAX) continue;
      await new Promise(setImmediate);
      // The thread died or the builder was closed meanwhile.
      if (this.#closed || this.#running?.buildId !== reply.buildId) return;
      turnStartedMs = clock.monotonicMs();
    }
    const snapshots = this.#assemble(reply.changes);
    const { groups, warnings, buildMs, validities, splits, refusedInstances, refusedNow } = reply;
    // Nobody waits for it: what is no longer named is no longer followed.
    if (reply.fewerPrefixes !== undefined) void this.#ports.registry?.read(reply.fewerPrefixes);
    this.#finish((state) => ({
      kind: "built",
      state,
      groups,
      snapshots,
      warnings,
      buildMs,
      validities,
      splits,
      refusedInstances,
      refusedNow,
    }));
  }

  #assemble(changes: readonly SnapshotChange[]): ReadonlyMap<GroupName, Snapshot> {
    const snapshots = new Map<GroupName, Snapshot>();
    for (const change of changes) {
      const before = this.#built.get(change.group);
      if (before?.version === change.version && change.tables.length === 0) {
        snapshots.set(change.group, before);
        continue;
      }
      const tables = change.tables.map((table) => ({
        ...table,
        upserted: this.#parts.get(partKey(change.group, table.typeUrl)) ?? [],
      }));
      snapshots.set(change.group, applyChange(before, { ...change, tables }));
    }
    this.#parts.clear();
    this.#built = snapshots;
    return snapshots;
  }

  #finish(outcome: (state: SourceState) => BuildOutcome): void {
    const running = this.#running;
    if (running === undefined) return;
    clearTimeout(running.timer);
    this.#running = undefined;
    const next = this.#ahead ?? this.#next;
    if (this.#ahead === undefined) this.#next = undefined;
    this.#ahead = undefined;
    this.#ports.onOutcome({ ...outcome(running.state), etcd: running.etcd });
    if (next !== undefined) this.#start(next);
  }

  #hung(): void {
    const worker = this.#worker;
    this.#forgetWorker();
    void worker?.terminate();
    const error = new FairwayError("BUILD_TIMEOUT", `the config could not be built in ${BUILD_MS_MAX / 1000} s`);
    this.#finish((state) => ({ kind: "failed", state, error }));
  }

  #died(worker: Worker, cause: Error): void {
    if (worker !== this.#worker) return;
    this.#forgetWorker();
    this.#failed(`building the config failed: ${cause.message}`, cause);
  }

  #failed(message: string, cause: unknown): void {
    const error = new FairwayError("BUILD_FAILED", message, { cause });
    this.#finish((state) => ({ kind: "failed", state, error }));
  }

  #forgetWorker(): void {
    this.#worker = undefined;
    this.#explaining.disconnect();
    this.#known.config.clear();
    this.#known.files.clear();
    this.#ports.registry?.forget();
    this.#built = new Map();
    this.#parts.clear();
  }
}

/** What is new to the building thread, which then has all of it. */
function changeSince(
  known: Map<string, string>,
  now: { readonly documents: readonly Document[]; readonly problems: readonly SourceProblem[] },
): DocumentsChange {
  const documents = now.documents.filter(({ path, hash }) => known.get(path) !== hash);
  known.clear();
  for (const { path, hash } of now.documents) known.set(path, hash);
  return { paths: now.documents.map(({ path, hash }) => ({ path, hash })), documents, problems: now.problems };
}

/** The first message of a thread says that it has loaded; one that dies before sends none. */
async function loaded(worker: Worker): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  const ways = ["message", "exit", "error"].map((event) => once(worker, event, { signal }).then(() => undefined));
  const inVain = elapsed(LOAD_MS_MAX, undefined, { signal, ref: false });
  await Promise.race([...ways, inVain]).catch(() => undefined);
  settled.abort();
  await Promise.allSettled([...ways, inVain]);
}

function partKey(group: GroupName, typeUrl: string): string {
  return `${group} ${typeUrl}`;
}
