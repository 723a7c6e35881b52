/**
 * One control plane, one model Envoy and a wire between them, replayed from a seed.
 *
 * The seed decides the configs, when each is published, how messages interleave, when the stream breaks and
 * what the control plane still knows when it is back. Time is virtual. After every step the properties that
 * Fairway promises are checked; what breaks one is returned in words, with the trace that led there.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import { resourceType, typeUrls } from "../../src/snapshot/type-url.ts";
import { present } from "../../src/support/assert.ts";
import type { createStream } from "../../src/xds/stream-state.ts";
import type { Demand, Rejections, Response, StreamInput, StreamState, Variant } from "../../src/xds/stream-state.ts";
import type { step } from "../../src/xds/stream.ts";
import type { createSharedResponses, SharedResponses } from "../../src/xds/shared-responses.ts";
import { buildSnapshot, contentOf } from "../support/build-snapshot.ts";
import { ModelEnvoy } from "../support/model-envoy.ts";
import type { Random } from "../support/random.ts";
import { createRandom } from "../support/random.ts";
import type { SimConfig } from "./config-changes.ts";
import { changeConfig, cureConfig, firstConfig, isGood } from "./config-changes.ts";

/** The code under test; a mutant takes its place in mutations.test.ts. */
export interface Machine {
  readonly step: typeof step;
  readonly createStream: typeof createStream;
  readonly createSharedResponses: typeof createSharedResponses;
}

/** What a run found; empty means that every property held. */
export interface SimulationResult {
  readonly problems: readonly string[];
  readonly trace: readonly string[];
}

/** How a group's changes are rolled in here: short, so that every wait happens within a run. */
const updates = { graceMs: 2_000, deadlineMs: 16_000, onDeadline: "hold", drainMs: 8_000 } as const;

/** Random steps of one run; enough for about six configs. */
const STEPS = 160;
/** Responses until a change has come to rest; a resend loop has no bound. */
const RESPONSES_TO_REST_MAX = 80;
/** Longer than every wait: what moves nothing for so long has come to rest. */
const QUIET_MS = 40_000;
/** What a SotW client may hold is guessed so often, and not again when every guess was bad. */
const GUESSES_MAX = 3;
/** A cluster that warms this long after the last message waits for one that does not come. */
const STALL_MS = 3_000;

/** Replays a seed; the trace is that of the same run, made again. */
export function simulate(seed: number, variant: Variant, machine: Machine): SimulationResult {
  const { problems } = play(seed, variant, { machine, traced: false });
  return problems.length === 0 ? { problems, trace: [] } : play(seed, variant, { machine, traced: true });
}

interface RunOptions {
  readonly machine: Machine;
  readonly traced: boolean;
}

function play(seed: number, variant: Variant, options: RunOptions): SimulationResult {
  const run = new Run(seed, variant, options);
  try {
    run.play();
  } catch (error) {
    run.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { problems: run.problems, trace: run.trace };
}

class Run {
  readonly problems: string[] = [];
  readonly trace: string[] = [];
  readonly #variant: Variant;
  readonly #machine: Machine;
  readonly #traced: boolean;
  readonly #random: Random;
  readonly #envoy: ModelEnvoy;
  readonly #mayBreak: boolean;
  readonly #mayDisconnect: boolean;
  readonly #configs: SimConfig[] = [];
  readonly #cache = new Map<string, Resource>();
  #history: Snapshot[] = [];
  #rejections: Rejections = new Map();
  readonly #shared: SharedResponses;
  #state: StreamState | undefined;
  #connected = false;
  #connectedAtMs = 0;
  #movedAtMs = 0;
  #streamIds = 0;
  #nowMs = 1_000_000;
  #wakeAtMs: number | undefined;
  #fresh = 0;
  #toServer: Demand[] = [];
  #toClient: Response[] = [];
  /** Unanswered responses of this stream, by type. */
  readonly #outstanding = new Map<string, Response>();
  readonly #nonces = new Set<string>();
  /** What the node has rejected by name, and whole responses that it rejected without one. */
  readonly #rejected = new Set<string>();
  #namelessRejections = false;
  #rejectionsOnStream = 0;
  /** The control plane came back without its earlier snapshots. */
  #forgotten = false;
  #reconnected = false;
  /** Envoy has parts of a response that it rejected, names what it had before, and nobody knows of the rejection. */
  #lostRejection = false;
  #responsesSinceRest = 0;

  constructor(seed: number, variant: Variant, { machine, traced }: RunOptions) {
    this.#variant = variant;
    this.#machine = machine;
    this.#shared = machine.createSharedResponses();
    this.#traced = traced;
    this.#random = createRandom(seed);
    this.#mayBreak = this.#random.chance(0.5);
    this.#mayDisconnect = this.#random.chance(0.5);
    const nameless = this.#mayBreak && this.#random.chance(0.4);
    this.#envoy = new ModelEnvoy({
      variant,
      explicitWildcard: this.#random.chance(0.3),
      graceMs: updates.graceMs,
      drainMs: updates.drainMs,
      namesRejected: () => !nameless || this.#random.chance(0.5),
    });
    this.#publish(firstConfig(this.#changes()));
  }

  play(): void {
    this.#connect();
    if (this.#random.chance(0.7)) this.#rest();
    for (let index = 0; index < STEPS && this.problems.length === 0; index += 1) this.#act();
    if (this.problems.length > 0) return;
    this.#publish(cureConfig(this.#config(), () => this.#next()));
    this.#rest();
  }

  #act(): void {
    const action = this.#random.weighted({
      toServer: this.#toServer.length > 0 ? 6 : 0,
      toClient: this.#toClient.length > 0 ? 6 : 0,
      publish: 0.6,
      connect: this.#connected ? 0 : 3,
      disconnect: this.#connected && this.#mayDisconnect ? 0.2 : 0,
      wait: 0.8,
      rest: 0.15,
    });
    if (action === "toServer") this.#deliverToServer();
    else if (action === "toClient") this.#deliverToClient();
    else if (action === "publish") this.#publish(changeConfig(this.#config(), this.#changes()));
    else if (action === "connect") this.#connect();
    else if (action === "disconnect") this.#disconnect();
    else if (action === "rest") this.#rest();
    else this.#wait();
  }

  /** Delivers everything and lets all time pass that anybody waits for. */
  #rest(): void {
    this.#responsesSinceRest = 0;
    this.#movedAtMs = this.#nowMs;
    if (!this.#connected) this.#connect();
    for (;;) {
      if (this.problems.length > 0) return;
      if (this.#responsesSinceRest > RESPONSES_TO_REST_MAX) {
        this.problems.push(`no rest after ${this.#responsesSinceRest} responses`);
      } else if (this.#toServer.length > 0) this.#deliverToServer();
      else if (this.#toClient.length > 0) this.#deliverToClient();
      else {
        const next = this.#nextTimerMs();
        if (next === undefined || next > this.#movedAtMs + QUIET_MS) break;
        this.#passTo(next);
      }
    }
    this.#checkAtRest();
  }

  #publish(config: SimConfig): void {
    this.#configs.push(config);
    // A build shares unchanged resources with the one before, or starts anew.
    const cache = this.#random.chance(0.8) ? this.#cache : new Map<string, Resource>();
    const snapshot = buildSnapshot({ ...config, updates }, cache);
    this.#note(() => `publish ${snapshot.version} ${JSON.stringify(config)}`);
    this.#history.unshift(snapshot);
    if (this.#state !== undefined) this.#step({ kind: "snapshot", snapshot, atMs: this.#nowMs });
  }

  #connect(): void {
    this.#note(() => "connect");
    this.#connected = true;
    this.#reconnected = this.#streamIds > 0;
    this.#connectedAtMs = this.#nowMs;
    this.#toServer.push(...this.#envoy.connect());
  }

  #disconnect(): void {
    this.#envoy.disconnect();
    this.#connected = false;
    this.#rejectionsOnStream = 0;
    this.#state = undefined;
    this.#wakeAtMs = undefined;
    this.#toServer = [];
    this.#toClient = [];
    this.#outstanding.clear();
    const restart = this.#random.weighted({ none: 5, known: 2, forgotten: 2 });
    this.#note(() => `disconnect, restart: ${restart}`);
    const known = (typeUrl: string) => restart === "none" && this.#rejections.get(typeUrl)?.uncertain === true;
    const forgotten = restart !== "none" && this.#namelessRejections;
    if (forgotten || !this.#envoy.mixedTypes().every(known)) this.#lostRejection = true;
    if (restart === "none") return;
    this.#rejections = new Map();
    this.#rejected.clear();
    if (restart === "known") return;
    this.#history = this.#history.slice(0, 1);
    this.#forgotten = true;
  }

  #deliverToServer(): void {
    const demand = present(this.#toServer.shift(), "only called when there is one");
    this.#movedAtMs = this.#nowMs;
    this.#note(() => `server gets ${describeDemand(demand)}`);
    this.#settleVerdict(demand);
    if (this.#state === undefined) {
      if (holdsNothing(demand)) this.#forgetRejections();
      this.#streamIds += 1;
      this.#state = this.#machine.createStream({
        streamId: this.#streamIds,
        nodeId: "n",
        variant: this.#variant,
        rejections: this.#rejections,
        shared: this.#shared,
      });
      this.#nonces.clear();
      this.#step({ kind: "snapshot", snapshot: this.#snapshot(), atMs: this.#nowMs });
    }
    const earlier = (typeUrl: string) => this.#history.flatMap((snapshot) => snapshot.tables.get(typeUrl) ?? []);
    this.#step({ kind: "request", demand, atMs: this.#nowMs, earlier });
    this.#passTo(this.#nowMs + this.#random.int(5));
  }

  /** A client that holds nothing is taken for a new process, whose predecessor's rejections do not count. */
  #forgetRejections(): void {
    this.#rejected.clear();
    if (this.#envoy.mixedTypes().length > 0 || this.#namelessRejections) this.#lostRejection = true;
  }

  #deliverToClient(): void {
    const response = present(this.#toClient.shift(), "only called when there is one");
    this.#movedAtMs = this.#nowMs;
    this.#note(() => `envoy gets ${describeResponse(response)}`);
    this.#take(this.#envoy.receive(response, this.#nowMs));
    this.#passTo(this.#nowMs + this.#random.int(5));
  }

  #wait(): void {
    const next = this.#nextTimerMs();
    const idle = this.#toClient.length + this.#toServer.length === 0;
    // A client that has not asked for clusters and endpoints by the deadline is taken for one that never does.
    const types = this.#state?.types;
    const mayBeLate = types?.has(typeUrls.cluster) === true && types.has(typeUrls.endpoints);
    const far = this.#random.chance(idle ? 0.5 : mayBeLate ? 0.1 : 0);
    this.#passTo(far && next !== undefined ? next : this.#nowMs + this.#random.int(400));
  }

  /** Lets time pass, with all timers on the way. */
  #passTo(targetMs: number): void {
    for (let fired = 0; ; fired += 1) {
      const next = this.#nextTimerMs();
      if (next === undefined || next > targetMs) break;
      if (fired > 200) throw new Error("a timer is set again and again for the same time");
      this.#nowMs = Math.max(this.#nowMs, next);
      if (this.#wakeAtMs !== undefined && this.#wakeAtMs <= this.#nowMs)
        this.#step({ kind: "tick", atMs: this.#nowMs });
      if ((this.#envoy.nextTickMs() ?? Infinity) <= this.#nowMs) {
        const idle = this.#connected && this.#toServer.length + this.#toClient.length === 0;
        this.#take(this.#envoy.tick(this.#nowMs));
        this.#checkStalls(idle);
      }
    }
    this.#nowMs = Math.max(this.#nowMs, targetMs);
  }

  #nextTimerMs(): number | undefined {
    const next = Math.min(this.#wakeAtMs ?? Infinity, this.#envoy.nextTickMs() ?? Infinity);
    return next === Infinity ? undefined : next;
  }

  #take(demands: readonly Demand[]): void {
    if (this.#connected) this.#toServer.push(...demands);
    this.problems.push(...this.#envoy.problems.splice(0).filter((problem) => !this.#isKnownLimit(problem)));
  }

  /**
   * What nobody could do better: a SotW client does not say what it holds, so a control plane that does not
   * remember may remove too early; and endpoints that were emptied meanwhile are unknown content.
   */
  #isKnownLimit(problem: string): boolean {
    const unknown = this.#variant === "sotw" && (this.#forgotten || (this.#reconnected && this.#namelessRejections));
    if (unknown || (this.#variant === "sotw" && this.#reconnected && this.#rejectionsOnStream > GUESSES_MAX))
      return true;
    return (this.#forgotten || (this.#reconnected && this.#variant === "sotw")) && problem.includes("without hosts");
  }

  #step(input: StreamInput): void {
    const state = present(this.#state, "there is a stream");
    const before = state.sequencer.snapshot;
    const { responses, wakeAtMs } = this.#machine.step(state, input);
    this.#wakeAtMs = wakeAtMs;
    for (const response of responses) {
      this.#note(() => `server sends ${describeResponse(response)} (${state.sequencer.phase})`);
      this.#checkResponse(response, [before, state.sequencer.snapshot]);
      this.#toClient.push(response);
      this.#responsesSinceRest += 1;
    }
  }

  /** Books the answer before the machine sees it. */
  #settleVerdict(demand: Demand): void {
    const answered = this.#outstanding.get(demand.typeUrl);
    if (demand.variant === "sotw" && answered !== undefined && demand.names.length + answered.resources.length > 0) {
      // A client that dropped all names of a response may never answer it (envoy#3355).
      const named = resourceType(demand.typeUrl)?.wildcardAllowed === false;
      if (named && !answered.resources.some(({ name }) => demand.names.includes(name))) {
        this.#outstanding.delete(demand.typeUrl);
      }
    }
    if (answered === undefined || demand.nonce !== answered.nonce) return;
    this.#outstanding.delete(demand.typeUrl);
    if (demand.error === undefined) return;
    const bad = answered.resources.filter((resource) => contentOf(resource).bad);
    const noTraffic = this.#state?.fresh === true || !this.#envoy.hasTraffic();
    for (const { name } of bad) if (noTraffic) this.#envoy.tolerated.add(name);
    const named = bad.filter(({ name }) => demand.error?.includes(` ${name}: `));
    this.#rejectionsOnStream += named.length;
    for (const { typeUrl, name, version } of named) this.#rejected.add(`${typeUrl} ${name} ${version}`);
    if (named.length < bad.length) {
      if (noTraffic) for (const { name } of answered.resources) this.#envoy.forgiven.add(name);
      this.#namelessRejections = true;
      this.#rejected.add(`${answered.typeUrl} as a whole ${fingerprint(answered)}`);
    }
  }

  #checkResponse(response: Response, snapshots: readonly (Snapshot | undefined)[]): void {
    const { typeUrl, nonce, resources, removed } = response;
    const type = present(resourceType(typeUrl), "only known types are sent");
    const say = (text: string) => this.problems.push(`at ${this.#nowMs} ms ${describeResponse(response)}: ${text}`);
    const waiting = this.#outstanding.get(typeUrl);
    if (waiting !== undefined) {
      say(`sent while ${describeResponse(waiting)} is unanswered`);
    }
    this.#outstanding.set(typeUrl, response);
    if (nonce === "" || this.#nonces.has(nonce)) say("the nonce is empty or was used before");
    this.#nonces.add(nonce);
    const all = [...resources.map(({ name }) => name), ...removed];
    if (new Set(all).size !== all.length) say("a name occurs twice");
    // A step may finish one snapshot and begin the next.
    const tables = snapshots.flatMap((snapshot) => snapshot?.tables.get(typeUrl) ?? []);
    const full = type.fullStateInSotw && this.#variant === "sotw";
    if (full && resources.length === 0 && tables.every((table) => table.resources.size > 0)) say("an empty full state");
    // Listeners may pass through a snapshot in between.
    for (const name of typeUrl === typeUrls.listener ? [] : removed) {
      if (tables.every((table) => table.resources.has(name))) say(`removes ${name}, which the snapshot has`);
    }
    if (!type.fullStateInSotw && resources.length + removed.length === 0) say("says nothing");
    for (const { name, version } of resources) {
      if (this.#rejected.has(`${typeUrl} ${name} ${version}`)) say(`sends ${name} again, which was rejected`);
    }
    if (this.#rejected.has(`${typeUrl} as a whole ${fingerprint(response)}`)) say("was rejected as a whole");
  }

  #checkStalls(idle: boolean): void {
    for (const { cluster, sinceMs } of this.#envoy.stalls.splice(0)) {
      const since = Math.max(sinceMs, this.#connectedAtMs, this.#movedAtMs);
      const offered = this.#state?.sequencer.snapshot?.tables.get(typeUrls.endpoints)?.resources;
      const endpoints = offered?.get(cluster as Resource["name"]);
      const supplied = (endpoints?.hostCount ?? 0) > 0 && !isBad(endpoints) && !this.#namelessRejections;
      if (idle && supplied && this.#nowMs - since > STALL_MS) {
        this.problems.push(`at ${this.#nowMs} ms cluster ${cluster} has waited for its endpoints since ${sinceMs} ms`);
      }
    }
  }

  #checkAtRest(): void {
    const unknown = this.#reconnected && this.#variant === "sotw";
    if (this.#lostRejection || (unknown && this.#namelessRejections)) return;
    const held = this.#envoy.holds();
    const expected = expectedOf(this.#snapshot());
    const good = isGood(this.#config());
    for (const [key, { version, bad }] of expected) {
      if (bad || held.get(key) === version) continue;
      const supply = key.startsWith("c:") || key.startsWith("e:");
      // Endpoints are emptied only once no route leads to them, and a bad route keeps the old one in use.
      const excused =
        !good &&
        (unknown ||
          version === "0" ||
          this.#namelessRejections ||
          !supply ||
          expected.get(`e:${key.slice(2)}`)?.bad === true);
      if (!excused) this.problems.push(`at rest ${key} is ${held.get(key) ?? "absent"} instead of ${version}`);
    }
    if (!good) return;
    this.#forgotten = false;
    this.#reconnected = false;
    for (const key of held.keys()) if (!expected.has(key)) this.problems.push(`at rest ${key} is still there`);
    if (this.#variant === "delta") return;
    for (const type of ["clusters", "listeners"] as const) {
      const typeUrl = type === "clusters" ? typeUrls.cluster : typeUrls.listener;
      const version = this.#snapshot().tables.get(typeUrl)?.version;
      if (this.#envoy.acceptedVersion(type) !== version)
        this.problems.push(`at rest the version of ${type} is not ${version}`);
    }
  }

  #snapshot(): Snapshot {
    return present(this.#history[0], "the first config is published at once");
  }

  #config(): SimConfig {
    return present(this.#configs.at(-1), "the first config is published at once");
  }

  #changes() {
    return { random: this.#random, fresh: () => this.#next(), history: this.#configs, mayBreak: this.#mayBreak };
  }

  #next(): number {
    this.#fresh += 1;
    return this.#fresh;
  }

  /** Words cost more than the steps they describe, so they are only made for a run that is told about. */
  #note(describe: () => string): void {
    if (this.#traced) this.trace.push(`${this.#nowMs} ${describe()}`);
  }
}

function isBad(resource: Resource | undefined): boolean {
  return resource !== undefined && contentOf(resource).bad;
}

function holdsNothing(demand: Demand): boolean {
  return demand.variant === "sotw" ? demand.versionInfo === "" : demand.initialVersions.size === 0;
}

interface Expected {
  readonly version: string;
  readonly bad: boolean;
}

/** What a node is to hold of a snapshot, in the words of `ModelEnvoy.holds`. */
function expectedOf(snapshot: Snapshot): ReadonlyMap<string, Expected> {
  const expected = new Map<string, Expected>();
  const of = (typeUrl: string) => snapshot.tables.get(typeUrl)?.resources.values() ?? [];
  for (const resource of of(typeUrls.cluster)) {
    expected.set(`c:${resource.name}`, { version: resource.version, bad: contentOf(resource).bad });
  }
  for (const resource of of(typeUrls.endpoints)) {
    const { bad, hostCount } = contentOf(resource);
    expected.set(`e:${resource.name}`, {
      version: String(hostCount),
      bad: bad || expected.get(`c:${resource.name}`)?.bad === true,
    });
  }
  const routes = new Set<string | undefined>();
  for (const resource of of(typeUrls.listener)) {
    const { bad, child } = contentOf(resource);
    expected.set(`l:${resource.name}`, { version: resource.version, bad });
    routes.add(child);
  }
  for (const resource of of(typeUrls.route)) {
    if (routes.has(resource.name))
      expected.set(`r:${resource.name}`, { version: resource.version, bad: contentOf(resource).bad });
  }
  return expected;
}

function fingerprint({ resources }: Response): string {
  return resources.map(({ name, version }) => `${name}=${version}`).join(",");
}

function describeResponse({ typeUrl, nonce, resources, removed }: Response): string {
  const bad = (resource: Resource) => (contentOf(resource).bad ? "!" : "");
  const sent = resources.map((resource) => `${resource.name}@${resource.version.slice(0, 4)}${bad(resource)}`);
  return `${resourceType(typeUrl)?.shortName} ${nonce} [${sent.join(" ")}]${removed.length > 0 ? ` removed [${removed.join(" ")}]` : ""}`;
}

function describeDemand(demand: Demand): string {
  const names =
    demand.variant === "sotw"
      ? `[${demand.names.join(" ")}] v=${demand.versionInfo.slice(0, 4)}`
      : `+[${demand.subscribe.join(" ")}] -[${demand.unsubscribe.join(" ")}] held [${[...demand.initialVersions.keys()].join(" ")}]`;
  return `${resourceType(demand.typeUrl)?.shortName} ${names} nonce=${demand.nonce}${demand.error === undefined ? "" : ` NACK: ${demand.error}`}`;
}
