/**
 * An instance in etcd for as long as a service is well: registered when it answers, drained before it ends.
 *
 * Whatever becomes of etcd, the service goes on: it is registered when etcd is back.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { KeyContact } from "../etcd/leased-key.ts";
import { KeptLease } from "../etcd/kept-lease.ts";
import { LeasedKey } from "../etcd/leased-key.ts";
import { systemClock } from "../support/clock.ts";
import { awaitReplicas, describeAwaited } from "./await-replicas.ts";
import { HealthProbe } from "./health-probe.ts";
import type { ProbeTarget } from "./health-probe.ts";
import { addressIn, withDraining } from "./instance-draining.ts";
import type { OtherInstances } from "./last-instances.ts";
import { drainWarning, notInForce, otherInstances, succeeds } from "./last-instances.ts";
import { tell } from "./output.ts";

export interface RegistrationOptions {
  readonly etcd: EtcdPort;
  readonly key: string;
  /** Where the instances of its service are. */
  readonly prefix: string;
  readonly value: string;
  readonly ttlSeconds: number;
  readonly health: ProbeTarget & { readonly intervalMs: number };
}

/** By a second signal, or because the command has ended. */
const CUT_SHORT = "the drain is cut short";

/** For what is only told: whoever ends a service does not wait longer for it. */
const OTHERS_MS_MAX = 1_000;

/** Replicas know of what registers in milliseconds, unless they are away. */
const UNNAMED_MS_MAX = 5_000;

/** Starts at once, with the first question whether the service answers. */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #key: LeasedKey;
  readonly #probe: HealthProbe;
  /** What it is registered with when it is well; somebody may have drained it meanwhile. */
  #value: string;
  #isRegistered = false;
  /** It was registered at some time. */
  #wasHeld = false;
  readonly #ending = new AbortController();

  constructor(options: RegistrationOptions) {
    const { etcd, key, value, ttlSeconds, health } = options;
    this.#options = options;
    this.#value = value;
    const onContact = (contact: KeyContact) => this.#tell(contact);
    const lease = new KeptLease({ etcd, ttlSeconds, clock: systemClock });
    const address = addressIn(value);
    // What is no instance is nobody's.
    const isOurs = (written: Uint8Array) => [undefined, address].includes(addressIn(textOf(written)));
    this.#key = new LeasedKey({ etcd, key, lease, clock: systemClock, random: Math.random, isOurs, onContact });
    this.#probe = new HealthProbe({
      ...health,
      onChange: (isHealthy, reason) => this.#take(isHealthy, reason),
      onWaiting: (reason) => {
        const now = this.#wasHeld ? "is still not registered" : "is not registered yet";
        tell(`fairway: ${key} ${now}, because the service does not answer: ${reason}`);
      },
    });
  }

  /** No new requests any more: resolves when all Envoys know, or the time is over. */
  async drain(timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.#probe.close();
    const startedMs = systemClock.monotonicMs();
    // Somebody may have drained it and taken that back a moment ago; then Envoys have it as one that takes requests.
    await Promise.race([this.#key.look(), until(timeoutMs, signal)]);
    const draining = withDraining(this.#value, true);
    if (this.#key.value === undefined) return;
    const { key, prefix, etcd } = this.#options;
    if (this.#key.isTaken) return tell(`fairway: ${key} is somebody else's by now, and is not drained`);
    if (!draining.ok) return tell(`fairway: ${key} is not drained: ${draining.error}`);
    tell(`fairway: ${key} drains`);
    const others = this.#others();
    void others.then((found) => this.#warnOfLast(found));
    this.#key.set(Buffer.from(draining.value));
    const restMs = Math.max(timeoutMs - (systemClock.monotonicMs() - startedMs), 0);
    const revision = await Promise.race([this.#key.held(), until(restMs, signal)]);
    if (revision === undefined) {
      return tell(`fairway: ${signal.aborted ? CUT_SHORT : "etcd did not take it in time"}; it goes on without`);
    }
    const leftMs = Math.max(timeoutMs - (systemClock.monotonicMs() - startedMs), 0);
    const awaited = await awaitReplicas(etcd, { key, prefix, revision, timeoutMs: leftMs, signal });
    const inForce = (await Promise.race([others, until(OTHERS_MS_MAX, signal)]))?.inForce;
    const cutShort = signal.aborted ? `${CUT_SHORT}, ` : "";
    const told = inForce === undefined ? describeAwaited(awaited) : `Envoys have ${inForce}, whatever this one says`;
    tell(`fairway: ${key} drains since revision ${revision}: ${cutShort}${told}`);
  }

  /** It is an instance no more. */
  async close(): Promise<void> {
    this.#probe.close();
    this.#ending.abort();
    const { key, ttlSeconds } = this.#options;
    const wasThere = this.#wasHeld && this.#key.value !== undefined && !this.#key.isTaken;
    const isGone = await this.#key.close();
    if (!wasThere) return;
    const fate = isGone
      ? "is deleted"
      : `could not be deleted, and goes with its lease, in ${ttlSeconds} s at the latest`;
    tell(`fairway: ${key} ${fate}`);
  }

  /** Beside the drain, which waits for nothing: whoever ends a service has decided. */
  #warnOfLast(others: OtherInstances | undefined): void {
    const { key } = this.#options;
    if (others === undefined || others.inForce !== undefined) return;
    const warning = drainWarning(key, others);
    if (warning !== undefined) tell(`fairway: ${warning}`);
    if (others.successor !== undefined) tell(`fairway: ${succeeds(key, others.successor)}`);
  }

  /** Undefined when etcd does not answer. */
  #others(): Promise<OtherInstances | undefined> {
    const { etcd, key, prefix } = this.#options;
    return otherInstances(etcd, { prefix, key }).catch(() => undefined);
  }

  async #warnOfSameAddress(): Promise<void> {
    const { key } = this.#options;
    const inForce = (await this.#others())?.inForce;
    if (inForce !== undefined) tell(`fairway: ${notInForce(key, inForce)}; it gets requests when that one goes`);
  }

  /** Somebody may have misspelt the service; who waits for requests would wait in vain. */
  async #warnOfUnnamed(revision: number): Promise<void> {
    const { key, prefix, etcd } = this.#options;
    const { signal } = this.#ending;
    const awaited = await awaitReplicas(etcd, { key, prefix, revision, timeoutMs: UNNAMED_MS_MAX, signal });
    if (awaited.unnamed !== undefined && !signal.aborted) tell(`fairway: ${key}: ${describeAwaited(awaited)}`);
  }

  #take(isHealthy: boolean, reason: string): void {
    if (isHealthy) {
      this.#key.set(Buffer.from(this.#value));
      return;
    }
    this.#isRegistered = false;
    this.#key.set(undefined);
    tell(`fairway: ${this.#options.key} is taken away, because the service does not answer: ${reason}`);
  }

  #tell(contact: KeyContact): void {
    const { key } = this.#options;
    if (contact.kind === "lost") {
      this.#isRegistered = false;
      const now = this.#wasHeld ? "is not kept registered now" : "is not registered yet";
      tell(`fairway: ${key} ${now}: ${contact.reason}; it is tried again, and the service goes on`);
      return;
    }
    if (contact.kind === "changed") {
      this.#value = textOf(contact.value);
      const what = contact.isTakenOver ? "written without a lease by somebody else" : "changed by somebody else";
      const kept = contact.isTakenOver ? "that is kept, under the lease of this process" : "that is kept";
      tell(`fairway: ${key} was ${what}, revision ${contact.revision}; ${kept}`);
    }
    if (this.#isRegistered) return;
    this.#isRegistered = true;
    this.#wasHeld = true;
    tell(`fairway: ${key} is registered, revision ${contact.revision}, by process ${process.pid}`);
    void this.#warnOfSameAddress();
    void this.#warnOfUnnamed(contact.revision);
  }
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value).toString("utf8");
}

/** Resolves when the time is over or the signal comes. */
async function until(timeoutMs: number, signal: AbortSignal): Promise<undefined> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
  return undefined;
}
