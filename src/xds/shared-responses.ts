/**
 * What the streams of one server share: sets of names, composed responses, and the counter behind nonces.
 *
 * A thousand streams that go from one view to the next with the same subscription are given the same response,
 * nonce included, so that it is composed and framed once. Nonces only ever grow, and a stream is given a
 * response only if its nonce is newer than the last one of the type; so none repeats in a stream.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { brand } from "../support/brand.ts";
import type { NamePool, NameSet } from "./name-pool.ts";
import { createNamePool } from "./name-pool.ts";
import type { Nonce, Response, Variant } from "./stream-state.ts";
import type { View } from "./view.ts";

/** A response with what the stream machine has to know of it. */
export interface Composed {
  readonly response: Response;
  /** Grows over all responses of the server; the nonce is made of it. */
  readonly sequence: number;
  /** With this response the client holds all of this view; undefined when more is to follow. */
  readonly completes: View | undefined;
  /** What exactly a client holds afterwards that held exactly `from`; undefined for what was made for one stream. */
  readonly step: { readonly from: View; readonly to: View } | undefined;
}

/** What a composition for many streams came to: a response, nothing to send, or a case for each stream by itself. */
export type SharedOutcome = Composed | "nothing" | "each by itself";

/** The transition for which the last response of a type was composed or found. */
export interface LastStep {
  readonly variant: Variant;
  readonly from: View;
  readonly to: View;
  readonly wildcard: boolean;
  readonly names: NameSet;
  readonly composed: Composed;
}

/** One for each server. */
export interface SharedResponses {
  readonly pool: NamePool;
  /** By type URL. */
  readonly lastStep: Map<string, LastStep>;
  /** The same number for the same object, for keys. */
  idOf(object: object): number;
  /** What was remembered under the key, or is made now. */
  remembered(key: string, make: () => SharedOutcome): SharedOutcome;
  /** A response like this one with a new nonce, remembered under the key. */
  renewed(key: string, composed: Composed): Composed;
  /** Gives a draft its nonce. */
  compose(draft: Omit<Response, "nonce">, rest: Pick<Composed, "completes" | "step">): Composed;
}

/** Transitions alive at a time: those of the last pushes, for each group, type and phase. */
const REMEMBERED_MAX = 512;
/** Of bodies, which the frames of remembered responses repeat. */
const REMEMBERED_BYTES_MAX = 64 * 1024 * 1024;

/** Nothing shared yet. */
export function createSharedResponses(): SharedResponses {
  const ids = new WeakMap<object, number>();
  const known = new Map<string, SharedOutcome>();
  let idsCount = 0;
  let sequence = 0;
  let bytes = 0;

  const remember = (key: string, outcome: SharedOutcome): void => {
    bytes += bytesOf(outcome);
    known.set(key, outcome);
    for (const [oldest, old] of known) {
      const fits = known.size <= REMEMBERED_MAX && bytes <= REMEMBERED_BYTES_MAX;
      if (fits || oldest === key) break;
      known.delete(oldest);
      bytes -= bytesOf(old);
    }
  };
  const compose: SharedResponses["compose"] = (draft, rest) => {
    sequence += 1;
    return { response: { ...draft, nonce: brand<Nonce>(sequence.toString(36)) }, sequence, ...rest };
  };

  return {
    pool: createNamePool(),
    lastStep: new Map(),
    idOf(object) {
      let id = ids.get(object);
      if (id === undefined) ids.set(object, (id = idsCount += 1));
      return id;
    },
    remembered(key, make) {
      const outcome = known.get(key);
      if (outcome !== undefined) return outcome;
      const made = make();
      remember(key, made);
      return made;
    },
    renewed(key, { response, completes, step }) {
      bytes -= bytesOf(known.get(key) ?? "nothing");
      known.delete(key);
      const composed = compose(response, { completes, step });
      remember(key, composed);
      return composed;
    },
    compose,
  };
}

function bytesOf(outcome: SharedOutcome): number {
  return typeof outcome === "string" ? 0 : sizeOf(outcome.response);
}

const sizes = new WeakMap<Response, number>();

/** The bytes of all bodies of a response. */
export function sizeOf(response: Response): number {
  let size = sizes.get(response);
  if (size === undefined) {
    const bytesOfOne = ({ name, body }: Resource) => (response.isHeartbeat === true ? name.length : body.byteLength);
    size = response.resources.reduce((sum, resource) => sum + bytesOfOne(resource), 0);
    sizes.set(response, size);
  }
  return size;
}

const byName = new WeakMap<Response, ReadonlyMap<ResourceName, Resource>>();

/** The resources of a response by name. */
export function resourcesOf(response: Response): ReadonlyMap<ResourceName, Resource> {
  let resources = byName.get(response);
  if (resources === undefined) {
    resources = new Map(response.resources.map((resource) => [resource.name, resource]));
    byName.set(response, resources);
  }
  return resources;
}
