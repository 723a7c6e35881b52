/**
 * What a client holds of one type, as far as we know: a view that it has taken, and the exceptions.
 *
 * A thousand Envoys of a group hold the same, so a stream keeps no map of its own: it points at the view that
 * its client has, restricted by what the client asked for, and names only what is different: what was
 * rejected, what is under way, what was forgotten or never answered. The view moves on with `rebase`, which
 * costs what differs between the two views and never the number of resources.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { Subscription } from "./subscription.ts";
import { isWanted } from "./subscription.ts";
import type { View } from "./view.ts";
import { nothing } from "./view.ts";
import { diffViews } from "./view-diff.ts";

/** What the client holds under a name: the resource we sent, or only the version it told us (empty: unknown). */
export type Held = Resource | string;

/** A map from name to what is held under it; owned by one type of one stream. */
export class Holding {
  readonly #subscription: Subscription;
  #base: View = nothing;
  /** By name what is held instead of the base's; undefined: nothing, or not answered yet. */
  #exceptions: Map<ResourceName, Held | undefined> | undefined;

  /** The subscription restricts what is held, also when it changes later. */
  constructor(subscription: Subscription) {
    this.#subscription = subscription;
  }

  /** The view that is held but for the exceptions. */
  get base(): View {
    return this.#base;
  }

  get exceptionsCount(): number {
    return this.#exceptions?.size ?? 0;
  }

  /** Names that are held otherwise than in the base. */
  exceptions(): Iterable<ResourceName> {
    return this.#exceptions?.keys() ?? [];
  }

  get(name: ResourceName): Held | undefined {
    if (this.#exceptions?.has(name) === true) return this.#exceptions.get(name);
    return this.#inBase(name);
  }

  has(name: ResourceName): boolean {
    return this.get(name) !== undefined;
  }

  set(name: ResourceName, held: Held): void {
    if (isSame(held, this.#inBase(name))) this.#exceptions?.delete(name);
    else this.#except(name, held);
  }

  delete(name: ResourceName): void {
    if (this.#inBase(name) === undefined) this.#exceptions?.delete(name);
    else this.#except(name, undefined);
  }

  /** The name was asked for and nothing was said about it yet. Before anything was sent that holds for every name. */
  markUnanswered(name: ResourceName): void {
    if (this.#base !== nothing) this.#except(name, undefined);
  }

  /** A wildcard began: what was not asked for by name before is not held. */
  startWildcard(): void {
    for (const name of this.#base.resources.keys()) {
      const known = this.#subscription.names.has(name) || this.#exceptions?.has(name) === true;
      if (!known) this.#except(name, undefined);
    }
  }

  /** Walks everything; for what is rare, or for types of which there are few. */
  *entries(): Iterable<readonly [ResourceName, Held]> {
    const { wildcard, names } = this.#subscription;
    for (const name of wildcard ? this.#base.resources.keys() : names) {
      const resource = this.#base.resources.get(name);
      if (resource !== undefined && this.#exceptions?.has(name) !== true) yield [name, resource];
    }
    for (const [name, held] of this.#exceptions ?? []) if (held !== undefined) yield [name, held];
  }

  *keys(): Iterable<ResourceName> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): Iterable<Held> {
    for (const [, held] of this.entries()) yield held;
  }

  /** Believes that the client holds all that it wants of this view, and nothing else. */
  assume(view: View): void {
    this.#base = view;
    this.#exceptions = undefined;
  }

  /** Makes another view the base; what is held stays what it was. `isMissing`: the client knows that there is none. */
  rebase(view: View, isMissing: (name: ResourceName) => boolean): void {
    if (this.#base === nothing) {
      for (const name of this.#subscription.names) {
        if (!view.resources.has(name) && !isMissing(name) && !this.has(name)) this.#except(name, undefined);
      }
    }
    if (view !== this.#base) this.#keepDifferences(view);
    if (this.#exceptions === undefined) return;
    for (const [name, held] of this.#exceptions) {
      const inBase = this.#inBase(name);
      const unanswered = held === undefined && this.#subscription.names.has(name) && !isMissing(name);
      if (!unanswered && (held === undefined ? inBase === undefined : isSame(held, inBase))) {
        this.#exceptions.delete(name);
      }
    }
    if (this.#exceptions.size === 0) this.#exceptions = undefined;
  }

  #keepDifferences(view: View): void {
    const { changed, removed } = diffViews(this.#base, view);
    const { wildcard, names } = this.#subscription;
    const few = !wildcard && names.size < changed.length + removed.length;
    for (const list of few ? [names] : [changed, removed]) {
      for (const name of list) {
        if (this.#exceptions?.has(name) === true || !isWanted(this.#subscription, name)) continue;
        const before = this.#base.resources.get(name);
        if (before?.version !== view.resources.get(name)?.version) this.#except(name, before);
      }
    }
    this.#base = view;
  }

  #inBase(name: ResourceName): Resource | undefined {
    return isWanted(this.#subscription, name) ? this.#base.resources.get(name) : undefined;
  }

  #except(name: ResourceName, held: Held | undefined): void {
    this.#exceptions ??= new Map();
    this.#exceptions.set(name, held);
  }
}

/** An empty version is unknown content, which is never the same as anything. */
function isSame(held: Held, resource: Resource | undefined): boolean {
  if (resource === undefined) return false;
  return typeof held === "string" ? held === resource.version : held.version === resource.version;
}
