/**
 * Sees to it that nobody is taken back to an older state by a replica that is behind the others, as far as it can know.
 *
 * - A replica that lags keeps its streams; a new one waits until it has caught up, and after a while is sent elsewhere.
 * - Before a client that comes back is answered, the others' newest versions are asked for: nothing else would tell a
 *   replica in time that it has been cut off. One look serves all who wait.
 * - When nobody answers, a client that holds what this replica has never served is sent elsewhere, for a while and then
 *   once more: it may be that there is nothing else, and an older state is better than none.
 */
import type { StatusCode } from "../grpc/status.ts";
import { status } from "../grpc/status.ts";
import type { GroupName, TypeTable } from "../snapshot/snapshot.ts";
import type { Clock } from "../support/clock.ts";
import type { Refusal } from "./judge-request.ts";
import { isKnown } from "./known-versions.ts";
import type { Demand } from "./stream-state.ts";

/** How this replica stands to the others, for one group. */
export type Standing =
  | { readonly kind: "current" }
  | { readonly kind: "lagging"; readonly reason: string }
  /** Nobody can say; since when. */
  | { readonly kind: "unsure"; readonly reason: string; readonly sinceMs: number };

/** What is known of the other replicas. */
export interface Replicas {
  standing(group: GroupName): Standing;
  /** Asks for the newest; resolves soon in any case, and `standing` says how it went. */
  look(): Promise<void>;
}

/** A stream at the gate. */
export interface GateEntrant {
  readonly group: GroupName | undefined;
  end(code: StatusCode, reason: string): void;
}

/** A build takes less; an Envoy waits 15 s for its first answer before it gives up on it. */
const WAIT_MS_MAX = 3_000;

/** So long after contact was lost, whoever holds what is not known here has others to go to, if there are any. */
const UNSURE_MS_MAX = 30_000;

/** Several streams of a node that come together are one try. */
const ONE_TRY_MS = 500;

/** Beyond that everybody is served. */
const TRIED_MAX = 20_000;

export class ReplicaGate<Entrant extends GateEntrant> {
  readonly #clock: Clock;
  readonly #replicas: Replicas;
  /** Lets a stream in. */
  readonly #pass: (entrant: Entrant) => void;
  /** Who waits, with its own deadline. */
  readonly #waiting = new Map<Entrant, NodeJS.Timeout>();
  /** Nodes that were sent elsewhere although nobody may be there, and when for the first time. */
  readonly #tried = new Map<string, number>();
  #looking: Promise<void> | undefined;
  /** Those that came while a look was under way need one that began after they did. */
  #looksAgain = false;

  constructor(options: { readonly clock: Clock; readonly replicas: Replicas; pass(entrant: Entrant): void }) {
    this.#clock = options.clock;
    this.#replicas = options.replicas;
    this.#pass = (entrant) => options.pass(entrant);
  }

  /** Whether it may go on at once; else `pass` is called, or it is ended. */
  enter(entrant: Entrant, { holdsNothing }: { readonly holdsNothing: boolean }): "now" | "later" {
    if (holdsNothing && this.#standing(entrant).kind !== "lagging") return "now";
    const timer = setTimeout(() => this.#giveUp(entrant), WAIT_MS_MAX);
    this.#waiting.set(entrant, timer);
    if (this.#looking === undefined) this.#look();
    else this.#looksAgain = true;
    return "later";
  }

  /** It has gone. */
  leave(entrant: Entrant): void {
    clearTimeout(this.#waiting.get(entrant));
    this.#waiting.delete(entrant);
  }

  /** The standing of a group may be another now. */
  changed(): void {
    if (this.#looking !== undefined) return;
    for (const entrant of [...this.#waiting.keys()]) {
      if (this.#standing(entrant).kind === "lagging") continue;
      this.leave(entrant);
      this.#pass(entrant);
    }
  }

  /** Why a node must go elsewhere with its first request of a type. */
  doubt(
    { nodeId, group }: { readonly nodeId: string; readonly group: GroupName },
    demand: Demand,
    tables: () => readonly TypeTable[],
  ): Refusal | undefined {
    const standing = this.#replicas.standing(group);
    if (standing.kind !== "unsure") {
      this.#tried.clear();
      return undefined;
    }
    if (isKnown(demand, tables())) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - standing.sinceMs > UNSURE_MS_MAX && !this.#isFirstTry(nodeId, nowMs)) return undefined;
    const reason = `this replica may be behind (${standing.reason}), and the node holds what it has never served`;
    return { code: status.UNAVAILABLE, reason };
  }

  #isFirstTry(nodeId: string, nowMs: number): boolean {
    const triedAtMs = this.#tried.get(nodeId);
    if (triedAtMs !== undefined) return nowMs - triedAtMs < ONE_TRY_MS;
    if (this.#tried.size >= TRIED_MAX) return false;
    this.#tried.set(nodeId, nowMs);
    return true;
  }

  #standing({ group }: Entrant): Standing {
    return group === undefined ? { kind: "current" } : this.#replicas.standing(group);
  }

  #look(): void {
    this.#looksAgain = false;
    this.#looking = this.#replicas.look().finally(() => {
      this.#looking = undefined;
      if (this.#looksAgain) this.#look();
      else this.changed();
    });
  }

  #giveUp(entrant: Entrant): void {
    this.#waiting.delete(entrant);
    const standing = this.#standing(entrant);
    if (standing.kind === "lagging") entrant.end(status.UNAVAILABLE, standing.reason);
    else this.#pass(entrant);
  }
}
