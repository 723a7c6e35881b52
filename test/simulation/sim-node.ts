/**
 * One node of the world: a model client, the wire to a replica, and what it may hold a replica to.
 *
 * The wire keeps messages in order in each direction; a node may answer types in another order than it was sent
 * them. What a stream said when it broke is lost.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { present } from "../../src/support/assert.ts";
import type { Demand, Rejections, Response, StreamInput, StreamState, Variant } from "../../src/xds/stream-state.ts";
import { contentOf } from "../support/build-snapshot.ts";
import { isBlamed } from "../support/client-type.ts";
import type { Stall } from "../support/model-envoy.ts";
import { ModelEnvoy } from "../support/model-envoy.ts";
import type { ModelSubscriber } from "../support/model-subscriber.ts";
import type { Random } from "../support/random.ts";
import { describeContent, describeDemand, describeResponse } from "./describe.ts";
import type { Machine } from "./machine.ts";
import type { Replica } from "./replica.ts";
import { updates } from "./replica.ts";
import { StreamChecks, isBad } from "./stream-checks.ts";

/** A cluster that warms this long after the last message waits for one that does not come. */
const STALL_MS = 3_000;
/** What a SotW client may hold is guessed so often, and not again when every guess was bad. */
const GUESSES_MAX = 3;

/** What all nodes share. */
export interface SimContext {
  readonly machine: Machine;
  readonly alone: boolean;
  nowMs: number;
  /** Of the step that is being played. */
  random: Random;
  streamIds: number;
  note(describe: () => string): void;
}

/** What a node is. */
export interface NodeTraits {
  readonly id: string;
  readonly variant: Variant;
  readonly mayDisconnect: boolean;
  /** Answers types in any order. */
  readonly reorders: boolean;
  /** A new process. */
  start(): ModelEnvoy | ModelSubscriber;
}

/** One stream. */
interface Link {
  readonly replica: Replica;
  readonly checks: StreamChecks;
  /** The first request. */
  begunAtMs: number | undefined;
  readonly hadTraffic: boolean;
  /** Whether the client has said anything of what it holds. */
  told: boolean;
  state: StreamState | undefined;
  wakeAtMs: number | undefined;
  readonly toServer: Demand[];
  readonly toClient: Response[];
}

export class SimNode {
  readonly traits: NodeTraits;
  readonly problems: string[] = [];
  /** Without nonces: what a server says to this node must not depend on the other nodes. */
  readonly sent: string[] = [];
  client: ModelEnvoy | ModelSubscriber;
  group: number;
  /** Nothing it holds is unknown to its replica, as far as it was told. */
  responsesSinceRest = 0;
  movedAtMs = 0;
  readonly #context: SimContext;
  #link: Link | undefined;
  #connectedAtMs = 0;
  #streams = 0;
  /** What the replica was told of rejections, by its memory: content by name, and whole responses without one. */
  #rejected = new WeakMap<Rejections, Set<string>>();
  /** Where the last rejection of each type was told. */
  readonly #toldTo = new Map<string, Rejections>();
  readonly #excuses = { foreign: false, reconnected: false, late: false, nameless: false, rejections: 0, ever: false };
  /** By type and name: taken from a rejected response of which the replica does not know. */
  readonly #orphans = new Set<string>();

  constructor(context: SimContext, traits: NodeTraits, group: number) {
    this.#context = context;
    this.traits = traits;
    this.group = group;
    this.client = traits.start();
  }

  get replica(): Replica | undefined {
    return this.#link?.replica;
  }

  get hasForServer(): boolean {
    return this.#link !== undefined && this.#link.toServer.length > 0;
  }

  get hasForClient(): boolean {
    return this.#link !== undefined && this.#link.toClient.length > 0;
  }

  get envoy(): ModelEnvoy | undefined {
    return this.client instanceof ModelEnvoy ? this.client : undefined;
  }

  get excuses(): Readonly<{ foreign: boolean; reconnected: boolean; nameless: boolean; ever: boolean }> {
    return this.#excuses;
  }

  /** Whether this may be left of, or missing after, a rejection of which the replica does not know. */
  isOrphan(typeUrl: string, name: string): boolean {
    return this.#orphans.has(`${typeUrl} ${name}`);
  }

  get hasOrphans(): boolean {
    return this.#orphans.size > 0;
  }

  /** All is as the snapshot wants it: what was unknown before is known now. */
  settle(): void {
    this.#excuses.foreign = false;
    this.#excuses.reconnected = false;
    this.#excuses.late = false;
  }

  connect(replica: Replica): void {
    this.#note(() => `connect to ${replica.index}`);
    const { variant } = this.traits;
    this.#link = {
      replica,
      checks: new StreamChecks(variant),
      begunAtMs: undefined,
      hadTraffic: this.envoy?.hasTraffic() === true,
      told: false,
      state: undefined,
      wakeAtMs: undefined,
      toServer: [],
      toClient: [],
    };
    this.#excuses.reconnected = this.#streams > 0;
    this.#connectedAtMs = this.#context.nowMs;
    for (const { typeUrl, unsettled } of this.client.types) {
      if (this.#toldTo.get(typeUrl) === replica.rejectionsOf(this.traits.id)) continue;
      for (const name of unsettled) this.#orphans.add(`${typeUrl} ${name}`);
    }
    this.#link.toServer.push(...this.client.connect());
  }

  disconnect(): void {
    if (this.#link === undefined) return;
    this.#note(() => "disconnect");
    this.client.disconnect();
    this.#link = undefined;
    this.#excuses.rejections = 0;
  }

  /** The process ends and another begins. */
  restart(): void {
    this.disconnect();
    this.#note(() => "new process");
    this.client = this.traits.start();
    this.#orphans.clear();
    this.#toldTo.clear();
    this.#streams = 0;
    Object.assign(this.#excuses, { foreign: false, reconnected: false, late: false, nameless: false });
  }

  /** The replica has published something for the node's group, or the node has moved to another one. */
  offer(snapshot: Snapshot): void {
    if (this.#link?.state !== undefined)
      this.#step(this.#link, { kind: "snapshot", snapshot, atMs: this.#context.nowMs });
  }

  /** A subscriber wants something else. */
  act(): void {
    if (this.client instanceof ModelEnvoy) return;
    const demands = this.client.act(this.#context.random);
    this.#link?.toServer.push(...demands);
  }

  deliverToServer(): void {
    const link = present(this.#link, "it is connected");
    const { toServer } = link;
    const { nowMs } = this.#context;
    const demand = this.#nextDemand(link);
    toServer.splice(toServer.indexOf(demand), 1);
    this.movedAtMs = nowMs;
    link.begunAtMs ??= nowMs;
    if (this.#isBeyondKnowing(link, demand)) this.#excuses.late = true;
    this.#note(() => `server gets ${describeDemand(demand)}`);
    this.#book(link, demand);
    const { replica } = link;
    const { machine } = this.#context;
    // Secrets and endpoints tell nothing of a client: it may never have received them.
    const tells = demand.typeUrl !== typeUrls.secret && demand.typeUrl !== typeUrls.endpoints;
    if (tells && !link.told && holdsNothing(demand)) this.#forgetRejections(replica);
    link.told ||= tells;
    if (link.state === undefined) {
      this.#streams += 1;
      this.#excuses.foreign ||= this.#holdsForeign(replica);
      this.#context.streamIds += 1;
      link.state = machine.createStream({
        streamId: this.#context.streamIds,
        nodeId: this.traits.id,
        variant: this.traits.variant,
        rejections: replica.rejectionsOf(this.traits.id),
        shared: this.#context.alone ? machine.createSharedResponses() : replica.shared,
      });
      this.#step(link, { kind: "snapshot", snapshot: replica.snapshot(this.group), atMs: nowMs });
    }
    const earlier = (typeUrl: string) => replica.earlier(this.group, typeUrl);
    this.#step(link, { kind: "request", demand, atMs: nowMs, earlier });
  }

  deliverToClient(): void {
    const { nowMs } = this.#context;
    const response = present(this.#link?.toClient.shift(), "only called when there is one");
    this.movedAtMs = nowMs;
    this.#note(() => `client gets ${describeResponse(response)}`);
    this.#send(this.client.receive(response, nowMs));
  }

  /** When something is due that needs no message. */
  nextTimerMs(): number {
    return Math.min(this.#link?.wakeAtMs ?? Infinity, this.envoy?.nextTickMs() ?? Infinity);
  }

  /** Fires what is due now. */
  tick(): void {
    const { nowMs } = this.#context;
    const link = this.#link;
    if (link?.wakeAtMs !== undefined && link.wakeAtMs <= nowMs) this.#step(link, { kind: "tick", atMs: nowMs });
    const { envoy } = this;
    if (envoy === undefined || (envoy.nextTickMs() ?? Infinity) > nowMs) return;
    const idle = link !== undefined && link.toServer.length + link.toClient.length === 0;
    this.#send(envoy.tick(nowMs));
    this.#checkStalls(envoy, idle);
  }

  /** What its replica wants it to have. */
  wanted(): Snapshot | undefined {
    return this.#link?.replica.snapshot(this.group);
  }

  /** Whether a first request of a type comes too late for anybody to take its client for what it is. */
  #isBeyondKnowing(link: Link, demand: Demand): boolean {
    const { typeUrl } = demand;
    if (link.checks.knows(typeUrl)) return false;
    // Who has not asked for what it holds by the deadline is taken for one that never does.
    const begunAtMs = link.begunAtMs ?? this.#context.nowMs;
    if (this.#context.nowMs - begunAtMs >= updates.deadlineMs && !holdsNothing(demand)) return true;
    // Who has no listeners yet and asks for them before its clusters, which are warming, says nothing of having any.
    const hasClusters = this.client.types.some((type) => type.typeUrl === typeUrls.cluster && type.versions.size > 0);
    return typeUrl === typeUrls.listener && hasClusters && !link.hadTraffic && !link.checks.knows(typeUrls.cluster);
  }

  /** What a stream begins with has an order, and clusters are acknowledged when what they wait for was asked for. */
  #nextDemand({ toServer, checks }: Link): Demand {
    const head = present(toServer[0], "only called when there is one");
    if (!this.traits.reorders || !toServer.every(({ typeUrl }) => checks.knows(typeUrl))) return head;
    const { typeUrl } = this.#context.random.pick(toServer);
    if (typeUrl === typeUrls.cluster) return head;
    return toServer.find((demand) => demand.typeUrl === typeUrl) ?? head;
  }

  #send(demands: readonly Demand[]): void {
    this.#link?.toServer.push(...demands);
    const { envoy } = this;
    if (envoy !== undefined && envoy.problems.length > 0) {
      this.problems.push(...envoy.problems.splice(0).filter((problem) => !this.#isKnownLimit(problem)));
    }
  }

  /**
   * What nobody could do better: a node that asks too late for it to be taken for what it is; a SotW client does not say what it holds, so a control plane that has never
   * had it, or does not know what of it was rejected, may remove too early; and endpoints of unknown content may be empty.
   */
  #isKnownLimit(problem: string): boolean {
    const { foreign, reconnected, late, nameless, rejections } = this.#excuses;
    if (late) return true;
    const sotw = this.traits.variant === "sotw";
    if (sotw && (foreign || (reconnected && (nameless || rejections > GUESSES_MAX)))) return true;
    return (foreign || (reconnected && sotw)) && problem.includes("without hosts");
  }

  #step(link: Link, input: StreamInput): void {
    const state = present(link.state, "there is a stream");
    const before = state.sequencer.snapshot;
    const { responses, wakeAtMs } = this.#context.machine.step(state, input);
    link.wakeAtMs = wakeAtMs;
    for (const response of responses) {
      this.#note(() => `server sends ${describeResponse(response)} (${state.sequencer.phase})`);
      const found = [
        ...link.checks.check(response, [before, state.sequencer.snapshot]),
        ...this.#checkRejected(response, link.replica),
      ];
      for (const text of found) this.#complain(`${text}, in ${describeResponse(response)}`);
      this.sent.push(describeContent(response));
      link.toClient.push(freeze(response));
      this.responsesSinceRest += 1;
    }
  }

  /** Books the answer before the machine sees it. */
  #book(link: Link, demand: Demand): void {
    const answered = link.checks.take(demand, this.#excuses.ever);
    if (answered === undefined) return;
    const { response, error } = answered;
    const { typeUrl } = response;
    if (error === undefined) {
      for (const { name } of response.resources) this.#orphans.delete(`${typeUrl} ${name}`);
      for (const name of response.removed) this.#orphans.delete(`${typeUrl} ${name}`);
      return;
    }
    const memory = link.replica.rejectionsOf(this.traits.id);
    const told = this.#toldOf(memory);
    this.#toldTo.set(typeUrl, memory);
    this.#excuses.ever = true;
    const bad = response.resources.filter(isBad);
    const named = bad.filter((resource) => isBlamed(resource, error));
    this.#excuses.rejections += named.length;
    for (const { name, version } of named) told.add(`${typeUrl} ${name} ${version}`);
    if (named.length < bad.length) {
      this.#excuses.nameless = true;
      told.add(fingerprint(response));
    }
    this.#tolerate(link, response, { bad, nameless: named.length < bad.length });
  }

  /** While a node has no traffic, what it rejects may leave it without. */
  #tolerate(link: Link, response: Response, { bad, nameless }: { bad: readonly Resource[]; nameless: boolean }): void {
    const { envoy } = this;
    const clusters = [...(link.state?.sequencer.snapshot?.tables.get(typeUrls.cluster)?.resources.values() ?? [])];
    const clustersOf = ({ typeUrl }: Response, name: string): readonly string[] =>
      typeUrl === typeUrls.secret
        ? clusters.filter((cluster) => contentOf(cluster).secrets.includes(name)).map((cluster) => cluster.name)
        : [name];
    if (envoy === undefined || (link.state?.fresh !== true && envoy.hasTraffic())) return;
    for (const { name } of bad) for (const each of clustersOf(response, name)) envoy.tolerated.add(each);
    if (!nameless) return;
    for (const { name } of response.resources) for (const each of clustersOf(response, name)) envoy.forgiven.add(each);
  }

  #checkRejected(response: Response, replica: Replica): readonly string[] {
    const told = this.#rejected.get(replica.rejectionsOf(this.traits.id));
    if (told === undefined) return [];
    const found = response.resources
      .filter(({ name, version }) => told.has(`${response.typeUrl} ${name} ${version}`))
      .map(({ name }) => `rejected content is not sent again: ${name}`);
    return told.has(fingerprint(response)) ? [...found, "rejected content is not sent again: all of it"] : found;
  }

  /** A client that holds nothing is taken for a new process, whose predecessor's rejections do not count. */
  #forgetRejections(replica: Replica): void {
    this.#rejected.delete(replica.rejectionsOf(this.traits.id));
    for (const { typeUrl, unsettled } of this.client.types) {
      for (const name of unsettled) this.#orphans.add(`${typeUrl} ${name}`);
    }
  }

  #toldOf(memory: Rejections): Set<string> {
    let told = this.#rejected.get(memory);
    if (told === undefined) this.#rejected.set(memory, (told = new Set()));
    return told;
  }

  /** Whether it has accepted anything that the replica has never had. */
  #holdsForeign(replica: Replica): boolean {
    const history = replica.history(this.group);
    return this.client.types.some(({ typeUrl, versions }) =>
      [...versions].some(
        ([name, version]) =>
          !history.some(
            ({ tables }) => tables.get(typeUrl)?.resources.get(name as Resource["name"])?.version === version,
          ),
      ),
    );
  }

  #checkStalls(envoy: ModelEnvoy, idle: boolean): void {
    for (const stall of envoy.stalls.splice(0)) {
      const { nowMs } = this.#context;
      const since = Math.max(stall.sinceMs, this.#connectedAtMs, this.movedAtMs);
      if (idle && nowMs - since > STALL_MS && this.#isThere(stall)) {
        this.#complain(`no cluster waits for what there is: ${stall.cluster} has since ${stall.sinceMs} ms`);
      }
    }
  }

  /** Whether its replica has all that a cluster waits for, and the node would take it. */
  #isThere({ endpoints, secrets }: Stall): boolean {
    if (this.#excuses.nameless) return false;
    const tables = this.#link?.state?.sequencer.snapshot?.tables;
    const good = (typeUrl: string, name: string) => {
      const resource = tables?.get(typeUrl)?.resources.get(name as Resource["name"]);
      return resource !== undefined && !isBad(resource) && (typeUrl === typeUrls.secret || resource.hostCount > 0);
    };
    return (
      secrets.every((name) => good(typeUrls.secret, name)) &&
      (endpoints === undefined || good(typeUrls.endpoints, endpoints))
    );
  }

  #complain(text: string): void {
    this.problems.push(`at ${this.#context.nowMs} ms ${this.traits.id}: ${text}`);
  }

  #note(describe: () => string): void {
    this.#context.note(() => `${this.traits.id} ${describe()}`);
  }
}

function holdsNothing(demand: Demand): boolean {
  return demand.variant === "sotw" ? demand.versionInfo === "" : demand.initialVersions.size === 0;
}

function fingerprint({ typeUrl, resources }: Response): string {
  return `${typeUrl} as a whole ${resources.map(({ name, version }) => `${name}=${version}`).join(",")}`;
}

/** A response may be given to many streams, so nobody may change it. */
function freeze(response: Response): Response {
  Object.freeze(response.resources);
  Object.freeze(response.removed);
  return Object.freeze(response);
}
