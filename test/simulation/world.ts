/**
 * Control planes, nodes and the wires between them, replayed from a seed.
 *
 * The seed decides the configs, when each replica publishes one, how messages interleave, when streams break, where
 * nodes come back and what is still known there. Time is virtual. Each step draws from a source of its own, so that a
 * step can be left out and the others stay much as they were (see shrink.ts).
 */
import { present } from "../../src/support/assert.ts";
import { createRandom } from "../support/random.ts";
import type { ChangeContext, SimConfig } from "./config-changes.ts";
import { changeConfig, cureConfig, firstConfig, isGood } from "./config-changes.ts";
import type { Machine } from "./machine.ts";
import { createNode, drawWorld } from "./population.ts";
import type { WorldTraits } from "./population.ts";
import { Replica } from "./replica.ts";
import { checkAtRest, holdingsOf } from "./rest-checks.ts";
import type { SimContext, SimNode } from "./sim-node.ts";

/** Responses to one node until a change has come to rest; a resend loop has no bound. */
const RESPONSES_TO_REST_MAX = 80;
/** Longer than every wait: what moves nothing for so long has come to rest. */
const QUIET_MS = 70_000;

/** What is played. */
export interface WorldOptions {
  readonly machine: Machine;
  /** Makes words of everything, which costs more than the steps themselves. */
  readonly traced: boolean;
  /** Every stream is served as if it were the only one: nothing is shared. */
  readonly alone?: boolean;
  /** Steps that are left out. */
  readonly without?: ReadonlySet<number>;
}

export class World {
  readonly problems: string[] = [];
  readonly trace: string[] = [];
  readonly nodes: readonly SimNode[];
  readonly stepCount: number;
  /** Random steps that were played. */
  steps = 0;
  readonly #seed: number;
  readonly #options: WorldOptions;
  readonly #traits: WorldTraits;
  readonly #context: SimContext;
  readonly #replicas: readonly Replica[];
  /** By group, oldest first. */
  readonly #configs: SimConfig[][];
  /** What every node held at rest with a config that it could accept. */
  readonly #restHoldings = new Map<SimNode, Map<SimConfig, string>>();
  #fresh = 0;

  constructor(seed: number, options: WorldOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#context = {
      machine: options.machine,
      alone: options.alone === true,
      nowMs: 1_000_000,
      random: createRandom(mix(seed, 0)),
      streamIds: 0,
      note: (describe) => this.#note(describe),
    };
    this.#traits = drawWorld(this.#context.random, createRandom(mix(seed, -1)));
    this.stepCount = this.#traits.steps;
    const { bodyBytes, hostsOnDemand } = this.#traits;
    this.#replicas = Array.from(
      { length: this.#traits.replicas },
      (_, index) => new Replica(index, { machine: options.machine, bodyBytes, hostsOnDemand }),
    );
    this.#configs = Array.from({ length: this.#traits.groups }, () => []);
    for (const [group, configs] of this.#configs.entries()) {
      configs.push(firstConfig(this.#changes(group)));
      for (const replica of this.#replicas) this.#publishTo(replica, group);
    }
    this.nodes = Array.from({ length: this.#traits.nodes }, (_, index) =>
      createNode(this.#context, this.#traits, index),
    );
  }

  play(): void {
    for (let index = 1; index <= this.stepCount && this.problems.length === 0; index += 1) {
      if (this.#options.without?.has(index) === true) continue;
      this.#context.random = createRandom(mix(this.#seed, index));
      this.steps += 1;
      this.#act();
      this.#collect();
    }
    if (this.problems.length > 0) return;
    this.#context.random = createRandom(mix(this.#seed, this.stepCount + 1));
    for (const [group, configs] of this.#configs.entries()) {
      configs.push(cureConfig(this.#config(group), () => this.#next()));
    }
    this.#rest();
  }

  #act(): void {
    const { random } = this.#context;
    const forServer = this.nodes.filter((node) => node.hasForServer);
    const forClient = this.nodes.filter((node) => node.hasForClient);
    const away = this.nodes.filter((node) => node.replica === undefined);
    const mayBreak = this.nodes.filter((node) => node.replica !== undefined && node.traits.mayDisconnect);
    const subscribers = this.nodes.filter((node) => node.envoy === undefined);
    const requested = this.nodes.filter((node) => node.envoy?.askedHosts !== undefined && node.envoy.hasRoutes());
    const late = this.#replicas.filter((replica) => this.#isLate(replica));
    const action = random.weighted({
      toServer: forServer.length > 0 ? 6 : 0,
      toClient: forClient.length > 0 ? 6 : 0,
      publish: this.#traits.publishWeight,
      catchUp: late.length > 0 ? 0.6 : 0,
      connect: away.length > 0 ? 3 : 0,
      disconnect: mayBreak.length > 0 ? 0.3 : 0,
      newProcess: mayBreak.length > 0 ? 0.05 : 0,
      act: subscribers.length > 0 ? 1 : 0,
      request: requested.length > 0 ? 1.5 : 0,
      move: this.#traits.groups > 1 ? 0.3 : 0,
      wait: 0.8,
      rest: 0.2,
    });
    if (action === "toServer") this.#deliver(random.pick(forServer), "toServer");
    else if (action === "toClient") this.#deliver(random.pick(forClient), "toClient");
    else if (action === "publish") this.#publish(random.int(this.#configs.length));
    else if (action === "catchUp") this.#catchUp(random.pick(late));
    else if (action === "connect") this.#connect(random.pick(away));
    else if (action === "disconnect") this.#disconnect(random.pick(mayBreak));
    else if (action === "newProcess") random.pick(mayBreak).restart();
    else if (action === "act") random.pick(subscribers).act();
    else if (action === "request") random.pick(requested).request();
    else if (action === "move") this.#move(random.pick(this.nodes));
    else if (action === "rest") this.#rest();
    else this.#wait();
  }

  /** Everything is delivered, and all time passes that anybody waits for; perhaps one node is deaf meanwhile. */
  #rest(): void {
    const { random } = this.#context;
    for (const replica of this.#replicas) this.#catchUp(replica);
    for (const node of this.nodes) if (node.replica === undefined) this.#connect(node);
    // Gates of one node hold no other.
    const deaf = this.nodes.length > 1 && random.chance(0.3) ? random.pick(this.nodes) : undefined;
    if (deaf !== undefined) this.#restOf(this.nodes.filter((node) => node !== deaf));
    this.#restOf(this.nodes);
  }

  #restOf(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      node.responsesSinceRest = 0;
      node.movedAtMs = this.#context.nowMs;
    }
    for (;;) {
      this.#collect();
      if (this.problems.length > 0) return;
      const loud = nodes.find((node) => node.responsesSinceRest > RESPONSES_TO_REST_MAX);
      if (loud !== undefined) {
        this.problems.push(`no resend loop: no rest of ${loud.traits.id} after ${loud.responsesSinceRest} responses`);
        return;
      }
      const busy = nodes.filter((node) => node.hasForServer || node.hasForClient);
      for (const node of busy) this.#deliver(node, node.hasForServer ? "toServer" : "toClient");
      if (busy.length > 0) continue;
      const nextMs = this.#nextTimerMs();
      if (nextMs > Math.max(...nodes.map(({ movedAtMs }) => movedAtMs)) + QUIET_MS) break;
      this.#passTo(nextMs);
    }
    for (const node of nodes) this.#checkAtRest(node);
  }

  #checkAtRest(node: SimNode): void {
    const replica = present(node.replica, "it was connected for the rest");
    const config = replica.config(node.group);
    const good = isGood(config);
    this.problems.push(...checkAtRest(node, replica.snapshot(node.group), good));
    if (!good || this.problems.length > 0 || node.hasOrphans) return;
    node.settle();
    if (node.envoy === undefined) return;
    const holdings = holdingsOf(node);
    // Whoever has this config has the same, whenever, from whichever replica and in both variants.
    for (const [other, configs] of this.#restHoldings) {
      const before = configs.get(config);
      if (before === undefined || before === holdings) continue;
      const same = other === node ? "A, B, A gives A's versions" : "SotW and delta end equal";
      this.problems.push(`${same}: ${node.traits.id} has ${holdings}, and ${other.traits.id} had ${before}`);
    }
    const known = this.#restHoldings.get(node) ?? new Map<SimConfig, string>();
    this.#restHoldings.set(node, known.set(config, holdings));
  }

  #publish(group: number): void {
    const { random } = this.#context;
    const configs = present(this.#configs[group], "there is such a group");
    configs.push(changeConfig(this.#config(group), this.#changes(group)));
    this.#note(() => `config ${configs.length} of g${group}: ${JSON.stringify(configs.at(-1))}`);
    const first = random.pick(this.#replicas);
    for (const replica of this.#replicas) {
      if (replica === first || random.chance(0.7)) this.#publishTo(replica, group);
    }
  }

  #isLate(replica: Replica): boolean {
    return this.#configs.some((_, group) => replica.config(group) !== this.#config(group));
  }

  #catchUp(replica: Replica): void {
    for (const group of this.#configs.keys()) {
      if (replica.config(group) !== this.#config(group)) this.#publishTo(replica, group);
    }
  }

  #publishTo(replica: Replica, group: number): void {
    const build = this.#context.random.chance(0.8) ? "shared" : "anew";
    const snapshot = replica.publish(group, this.#config(group), build);
    this.#note(() => `replica ${replica.index} publishes ${snapshot.version} of g${group}, a ${build} build`);
    for (const node of this.nodes ?? []) if (node.replica === replica && node.group === group) node.offer(snapshot);
  }

  #connect(node: SimNode): void {
    node.connect(this.#context.random.pick(this.#replicas));
  }

  /** The stream breaks, or the replica ends with all of its streams and another begins. */
  #disconnect(node: SimNode): void {
    const replica = present(node.replica, "only called for one that is connected");
    const restart = this.#context.random.weighted({ none: 5, known: 2, forgotten: 2 });
    if (restart === "none") {
      node.disconnect();
      return;
    }
    for (const other of this.nodes) if (other.replica === replica) other.disconnect();
    this.#note(() => `replica ${replica.index} restarts, earlier snapshots ${restart}`);
    replica.restart(restart);
  }

  #move(node: SimNode): void {
    node.group = this.#context.random.int(this.#configs.length);
    this.#note(() => `${node.traits.id} is in g${node.group}`);
    const snapshot = node.wanted();
    if (snapshot !== undefined) node.offer(snapshot);
  }

  #deliver(node: SimNode, to: "toServer" | "toClient"): void {
    if (to === "toServer") node.deliverToServer();
    else node.deliverToClient();
    this.#passTo(this.#context.nowMs + this.#context.random.int(5));
  }

  #wait(): void {
    const { random, nowMs } = this.#context;
    const nextMs = this.#nextTimerMs();
    const idle = !this.nodes.some((node) => node.hasForServer || node.hasForClient);
    // A client that has not asked for what it holds by the deadline is taken for one that never does.
    const far = random.chance(idle ? 0.5 : 0);
    this.#passTo(far && nextMs !== Infinity ? nextMs : nowMs + random.int(400));
  }

  /** Lets time pass, with all timers on the way. */
  #passTo(targetMs: number): void {
    const context = this.#context;
    for (let fired = 0; ; fired += 1) {
      const nextMs = this.#nextTimerMs();
      if (nextMs === Infinity || nextMs > targetMs) break;
      if (fired > 200 * this.nodes.length) throw new Error("a timer is set again and again for the same time");
      context.nowMs = Math.max(context.nowMs, nextMs);
      for (const node of this.nodes) if (node.nextTimerMs() <= context.nowMs) node.tick();
    }
    context.nowMs = Math.max(context.nowMs, targetMs);
  }

  #nextTimerMs(): number {
    let nextMs = Infinity;
    for (const node of this.nodes) nextMs = Math.min(nextMs, node.nextTimerMs());
    return nextMs;
  }

  #collect(): void {
    for (const node of this.nodes) if (node.problems.length > 0) this.problems.push(...node.problems.splice(0));
  }

  #config(group: number): SimConfig {
    return present(this.#configs[group]?.at(-1), "every group has a config from the start");
  }

  #changes(group: number): ChangeContext {
    return {
      random: this.#context.random,
      fresh: () => this.#next(),
      history: this.#configs[group] ?? [],
      mayBreak: this.#traits.mayBreak,
    };
  }

  #next(): number {
    this.#fresh += 1;
    return this.#fresh;
  }

  #note(describe: () => string): void {
    if (this.#options.traced) this.trace.push(`${this.#context.nowMs} ${describe()}`);
  }
}

/** A seed for one step. */
function mix(seed: number, index: number): number {
  let mixed = Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
