/**
 * Who is in a world: how many replicas and nodes of which kinds, drawn from its seed.
 *
 * Most worlds are small and short, because a bug shows in a few steps or not at all; some have many nodes, and some
 * last long enough for what comes of a chain of changes.
 */
import { typeUrls } from "../../src/snapshot/type-url.ts";
import type { RejectionStyle } from "../support/client-type.ts";
import { ModelEnvoy } from "../support/model-envoy.ts";
import { ModelSubscriber } from "../support/model-subscriber.ts";
import type { Random } from "../support/random.ts";
import { updates } from "./replica.ts";
import type { NodeTraits, SimContext } from "./sim-node.ts";
import { SimNode } from "./sim-node.ts";

/** What is drawn first. */
export interface WorldTraits {
  readonly steps: number;
  readonly replicas: number;
  readonly nodes: number;
  readonly groups: number;
  /** How often a config is published, against 12 for messages. */
  readonly publishWeight: number;
  /** Resources that are so long do not fit into one response. */
  readonly bodyBytes: number | undefined;
  readonly mayBreak: boolean;
  readonly mayDisconnect: boolean;
  readonly mayReorder: boolean;
  /** Rejections that name nothing, and those of messages that could not be read. */
  readonly mayBeNameless: boolean;
  readonly mayBeUnread: boolean;
  /** Clients that are no Envoys. */
  readonly mayBeSubscribers: boolean;
  /** Envoys that ask for each thing on a stream of its own. */
  readonly maySeparate: boolean;
  /** Virtual hosts are resources of their own that Envoys ask for when a request needs them. */
  readonly hostsOnDemand: boolean;
}

/** The shape of a world; what was thought of later has a source of its own, so that the seeds keep their worlds. */
export function drawWorld(random: Random, later: Random): WorldTraits {
  const nodes = random.weighted({ 1: 60, 2: 28, 3: 6, 4: 3, 5: 2, 6: 1 });
  const long = random.chance(0.06);
  const mayBreak = random.chance(0.5);
  return {
    steps: long ? 160 : 30 + 8 * (Number(nodes) - 1),
    replicas: random.chance(0.25) ? 2 : 1,
    nodes: Number(nodes),
    groups: random.chance(0.1) ? 2 : 1,
    publishWeight: long ? 0.6 : 1.2,
    mayBreak,
    mayDisconnect: random.chance(0.5),
    mayReorder: random.chance(0.2),
    mayBeNameless: mayBreak && random.chance(0.4),
    mayBeUnread: mayBreak && random.chance(0.15),
    mayBeSubscribers: random.chance(0.2),
    bodyBytes: random.chance(0.07) ? 400 * 1024 : undefined,
    maySeparate: random.chance(0.2),
    hostsOnDemand: later.chance(0.08),
  };
}

/** The node of that index, which has not connected yet. */
export function createNode(context: SimContext, world: WorldTraits, index: number): SimNode {
  const { random } = context;
  const { hostsOnDemand } = world;
  // Virtual hosts on demand are there in delta only.
  const variant = random.chance(0.5) || hostsOnDemand ? "delta" : "sotw";
  const rejectionStyle = (): RejectionStyle => {
    const draw = context.random;
    if (world.mayBeUnread && draw.chance(0.3)) return "unread";
    return world.mayBeNameless && draw.chance(0.5) ? "nameless" : "named";
  };
  const explicitWildcard = random.chance(0.3);
  const isSubscriber = world.mayBeSubscribers && random.chance(0.5);
  const asked = Object.values(typeUrls).filter((typeUrl) => subscribable.has(typeUrl) && random.chance(0.6));
  const subscribed = asked.length === 0 ? [typeUrls.cluster] : asked;
  const { graceMs, drainMs } = updates;
  const streams = !isSubscriber && !hostsOnDemand && world.maySeparate && random.chance(0.6) ? "each" : "one";
  const traits: NodeTraits = {
    id: `n${index}`,
    variant,
    mayDisconnect: world.mayDisconnect,
    reorders: world.mayReorder && random.chance(0.5),
    streams,
    start: () =>
      isSubscriber
        ? new ModelSubscriber({ variant, typeUrls: subscribed, rejectionStyle })
        : new ModelEnvoy({ variant, streams, explicitWildcard, hostsOnDemand, graceMs, drainMs, rejectionStyle }),
  };
  return new SimNode(context, traits, random.int(world.groups));
}

const subscribable = new Set<string>([
  typeUrls.secret,
  typeUrls.cluster,
  typeUrls.endpoints,
  typeUrls.runtime,
  typeUrls.listener,
  typeUrls.route,
]);
