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
import type { Demand, Rejections, Response, StreamInput, Variant } from "../../src/xds/stream-state.ts";
import { contentOf } from "../support/build-snapshot.ts";
import type { Outgoing } from "../support/client-type.ts";
import { isBlamed } from "../support/client-type.ts";
import type { Stall } from "../support/model-envoy.ts";
import { ModelEnvoy } from "../support/model-envoy.ts";
import type { ModelSubscriber } from "../support/model-subscriber.ts";
import type { Random } from "../support/random.ts";
import type { Link } from "./connection.ts";
import { Connection } from "./connection.ts";
import { describeContent, describeDemand, describeResponse } from "./describe.ts";
import type { Machine } from "./machine.ts";
import type { Replica } from "./replica.ts";
import { updates } from "./replica.ts";
import { isBad } from "./stream-checks.ts";

/** A cluster that warms this long after the last message waits for one that does not come. */
const STALL_MS = 3_000;
/** What a SotW client may hold is guessed so often, and not again when every guess was bad. */
const GUESSES_MAX = 3;

/** Hosts of requests: some virtual hosts have several, and one has none. */
const requestedHosts = ["0.test", "a.0.test", "1.test", "b.1.test", "2.test", "nobody.test"];

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
  /** All types on one stream, or each subscription on a stream of its own. */
  readonly streams: "one" | "each";
  /** A new process. */
  start(): ModelEnvoy | ModelSubscriber;
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
  #connection: Connection | undefined;
  #connectedAtMs = 0;
  #streams = 0;
  /** What the replica was told of rejections, by its memory: content by name, and whole responses without one. */
  #rejected = new WeakMap<Rejections, Set<string>>();
  /** Where the last rejection of each type was told, and which of them it was. */
  readonly #toldTo = new Map<string, { readonly memory: Rejections; readonly count: number }>();
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
    return this.#connection?.replica;
  }

  get hasForServer(): boolean {
    return this.#connection?.hasForServer === true;
  }

  get hasForClient(): boolean {
    return this.#connection?.hasForClient === true;
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
    const connection = new Connection(replica, { variant, hadTraffic: this.envoy?.hasTraffic() === true });
    this.#connection = connection;
    this.#excuses.reconnected = this.#streams > 0;
    this.#connectedAtMs = this.#context.nowMs;
    for (const { typeUrl, stream, unsettled, rejectionsCount } of this.client.types) {
      const told = this.#toldTo.get(`${stream} ${typeUrl}`);
      if (told?.memory === replica.rejectionsOf(this.traits.id) && told.count === rejectionsCount) continue;
      for (const name of unsettled) this.#orphans.add(`${typeUrl} ${name}`);
    }
    connection.send(this.client.connect(), this.group);
  }

  disconnect(): void {
    if (this.#connection === undefined) return;
    this.#note(() => "disconnect");
    this.client.disconnect();
    this.#connection = undefined;
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
    const connection = this.#connection;
    // What it has not said yet to hold is of the group that it was in before.
    const moves = [...(connection?.links ?? [])].some(({ group }) => group !== this.group);
    const isToldAll = this.client.types.every((type) => type.versions.size === 0 || connection?.knows(type.typeUrl));
    if (moves && connection !== undefined && !isToldAll)
      this.#excuses.foreign ||= this.#holdsForeign(connection.replica);
    for (const link of connection?.links ?? []) {
      link.group = this.group;
      if (connection !== undefined && link.state !== undefined)
        this.#step(connection, link, { kind: "snapshot", snapshot, atMs: this.#context.nowMs });
    }
  }

  /** A subscriber wants something else. */
  act(): void {
    if (this.client instanceof ModelEnvoy) return;
    const demands = this.client.act(this.#context.random);
    this.#connection?.send(demands, this.group);
  }

  /** A request comes to an Envoy whose virtual hosts are on demand. */
  request(): void {
    const { random } = this.#context;
    const demands = this.envoy?.request(random.pick(requestedHosts), random) ?? [];
    this.#connection?.send(demands, this.group);
  }

  deliverToServer(): void {
    const connection = present(this.#connection, "it is connected");
    const link = connection.pick("toServer", this.#context.random);
    const { nowMs } = this.#context;
    const demand = this.#nextDemand(link);
    link.toServer.splice(link.toServer.indexOf(demand), 1);
    this.movedAtMs = nowMs;
    const begins = connection.begunAtMs === undefined;
    connection.begunAtMs ??= nowMs;
    if (this.#isBeyondKnowing(connection, link, demand)) this.#excuses.late = true;
    this.#note(() => `server gets ${describeDemand(demand)}`);
    this.#book(connection, link, demand);
    const { replica } = connection;
    // Secrets and endpoints tell nothing of a client: it may never have received them.
    const tells = demand.typeUrl !== typeUrls.secret && demand.typeUrl !== typeUrls.endpoints;
    if (tells && !connection.told && holdsNothing(demand)) this.#forgetRejections(replica);
    connection.told ||= tells;
    if (begins) {
      this.#streams += 1;
      this.#excuses.foreign ||= this.#holdsForeign(replica);
    }
    if (link.state === undefined) this.#begin(connection, link);
    const earlier = (typeUrl: string) => replica.earlier(this.group, typeUrl);
    this.#step(connection, link, { kind: "request", demand, atMs: nowMs, earlier });
    if (this.traits.streams === "each") connection.lookAtMs = nowMs;
  }

  #begin(connection: Connection, link: Link): void {
    const { machine, alone } = this.#context;
    const { replica } = connection;
    this.#context.streamIds += 1;
    link.group = this.group;
    link.state = machine.createStream({
      streamId: this.#context.streamIds,
      nodeId: this.traits.id,
      variant: this.traits.variant,
      rejections: replica.rejectionsOf(this.traits.id),
      shared: alone ? machine.createSharedResponses() : replica.shared,
      companions: () => connection.companionsOf(link.stream),
    });
    const snapshot = replica.snapshot(this.group);
    this.#step(connection, link, { kind: "snapshot", snapshot, atMs: this.#context.nowMs });
  }

  deliverToClient(): void {
    const { nowMs } = this.#context;
    const link = present(this.#connection, "it is connected").pick("toClient", this.#context.random);
    const response = present(link.toClient.shift(), "only called when there is one");
    this.movedAtMs = nowMs;
    this.#note(() => `client gets ${describeResponse(response)}`);
    this.#send(this.client.receive(response, nowMs, link.stream));
  }

  /** When something is due that needs no message. */
  nextTimerMs(): number {
    return Math.min(this.#connection?.nextTimerMs() ?? Infinity, this.envoy?.nextTickMs() ?? Infinity);
  }

  /** Fires what is due now. */
  tick(): void {
    const { nowMs } = this.#context;
    const connection = this.#connection;
    if (connection !== undefined) this.#wake(connection);
    const { envoy } = this;
    if (envoy === undefined || (envoy.nextTickMs() ?? Infinity) > nowMs) return;
    const idle = connection !== undefined && !connection.hasForServer && !connection.hasForClient;
    this.#send(envoy.tick(nowMs));
    this.#checkStalls(envoy, idle);
  }

  #wake(connection: Connection): void {
    const { nowMs } = this.#context;
    const looks = connection.lookAtMs !== undefined && connection.lookAtMs <= nowMs;
    if (looks) connection.lookAtMs = undefined;
    for (const link of connection.links) {
      const waits = looks && link.state !== undefined && link.state.sequencer.phase !== "settled";
      if (waits || (link.wakeAtMs ?? Infinity) <= nowMs) this.#step(connection, link, { kind: "tick", atMs: nowMs });
    }
  }

  /** What its replica wants it to have. */
  wanted(): Snapshot | undefined {
    return this.#connection?.replica.snapshot(this.group);
  }

  /** Whether a first request of a type comes too late for anybody to take its client for what it is. */
  #isBeyondKnowing(connection: Connection, link: Link, demand: Demand): boolean {
    const { typeUrl } = demand;
    if (typeUrl === typeUrls.endpoints && this.#hasUntold(connection, link)) return true;
    if (connection.knows(typeUrl)) return false;
    // Without ADS nobody sees to it that a node which comes back with nothing asks for its clusters first.
    const isReference = typeUrl === typeUrls.listener || typeUrl === typeUrls.route;
    if (this.traits.streams === "each" && isReference && holdsNothing(demand) && !connection.knows(typeUrls.cluster))
      return true;
    // Who has not asked for what it holds by the deadline is taken for one that never does.
    const begunAtMs = connection.begunAtMs ?? this.#context.nowMs;
    if (this.#context.nowMs - begunAtMs >= updates.deadlineMs && !holdsNothing(demand)) return true;
    // Who has no listeners yet and asks for them before its clusters, which are warming, says nothing of having any.
    const hasClusters = this.client.types.some((type) => type.typeUrl === typeUrls.cluster && type.versions.size > 0);
    return (
      typeUrl === typeUrls.listener && hasClusters && !connection.hadTraffic && !connection.knows(typeUrls.cluster)
    );
  }

  /** Of two objects of a cluster, each with a stream, the one that has the endpoints has not said so yet. */
  #hasUntold(connection: Connection, link: Link): boolean {
    const { types } = this.client;
    const own = types.find(({ stream }) => stream === link.stream);
    if (this.traits.streams === "one" || own === undefined || own.versions.size > 0) return false;
    return types.some(
      ({ typeUrl, stream, names, versions }) =>
        typeUrl === own.typeUrl &&
        [...own.names].some((name) => names.has(name)) &&
        versions.size > 0 &&
        !connection.hasBegun(stream),
    );
  }

  /** What a stream begins with has an order, and clusters are acknowledged when what they wait for was asked for. */
  #nextDemand({ toServer, checks }: Link): Demand {
    const head = present(toServer[0], "only called when there is one");
    if (!this.traits.reorders || !toServer.every(({ typeUrl }) => checks.knows(typeUrl))) return head;
    const { typeUrl } = this.#context.random.pick(toServer);
    if (typeUrl === typeUrls.cluster) return head;
    return toServer.find((demand) => demand.typeUrl === typeUrl) ?? head;
  }

  #send(requests: readonly Outgoing[]): void {
    const connection = this.#connection;
    if (connection !== undefined) {
      connection.send(requests, this.group);
      if (this.traits.streams === "each" && connection.keep(new Set(this.client.types.map(({ stream }) => stream))))
        connection.lookAtMs = this.#context.nowMs;
    }
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
    if (sotw && this.#isUntold(problem)) return true;
    if (sotw && (foreign || (reconnected && (nameless || rejections > GUESSES_MAX)))) return true;
    return (foreign || (reconnected && sotw)) && problem.includes("without hosts");
  }

  /** What a SotW client took of a response that it rejected it does not say to a replica that was not told of that. */
  #isUntold(problem: string): boolean {
    const [, removed, missing] = /^cluster (\w+) was removed|missing cluster: (\w+)$/.exec(problem) ?? [];
    return this.isOrphan(typeUrls.cluster, removed ?? missing ?? "");
  }

  #step(connection: Connection, link: Link, input: StreamInput): void {
    const state = present(link.state, "there is a stream");
    const { snapshot: before, phase } = state.sequencer;
    const { responses, wakeAtMs } = this.#context.machine.step(state, input);
    link.wakeAtMs = wakeAtMs;
    if (this.traits.streams === "each" && phase !== state.sequencer.phase) connection.lookAtMs = this.#context.nowMs;
    for (const response of responses) {
      this.#note(() => `server sends ${describeResponse(response)} (${state.sequencer.phase})`);
      const found = [
        ...link.checks.check(response, [before, state.sequencer.snapshot]),
        ...this.#checkRejected(response, connection.replica),
      ];
      for (const text of found) this.#complain(`${text}, in ${describeResponse(response)}`);
      this.sent.push(describeContent(response));
      link.toClient.push(freeze(response));
      this.responsesSinceRest += 1;
    }
  }

  /** Books the answer before the machine sees it. */
  #book(connection: Connection, link: Link, demand: Demand): void {
    const answered = link.checks.take(demand, this.#excuses.ever);
    if (answered === undefined) return;
    const { response, error } = answered;
    const { typeUrl } = response;
    if (error === undefined) {
      for (const { name } of response.resources) this.#orphans.delete(`${typeUrl} ${name}`);
      for (const name of response.removed) this.#orphans.delete(`${typeUrl} ${name}`);
      return;
    }
    const memory = connection.replica.rejectionsOf(this.traits.id);
    const told = this.#toldOf(memory);
    const type = this.client.types.find((each) => each.typeUrl === typeUrl && each.stream === link.stream);
    this.#toldTo.set(`${link.stream} ${typeUrl}`, { memory, count: type?.rejectionsCount ?? 0 });
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
      // Until its first listeners nothing pauses the clusters, so who comes back then does not show that they warm.
      const shows = stall.sinceMs >= this.#connectedAtMs || this.#connection?.hadTraffic === true;
      if (idle && shows && nowMs - since > STALL_MS && this.#isThere(stall)) {
        this.#complain(`no cluster waits for what there is: ${stall.cluster} has since ${stall.sinceMs} ms`);
      }
    }
  }

  /** Whether its replica has all that a cluster waits for, and the node would take it. */
  #isThere({ endpoints, secrets }: Stall): boolean {
    if (this.#excuses.nameless) return false;
    const [link] = this.#connection?.links ?? [];
    const tables = link?.state?.sequencer.snapshot?.tables;
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
