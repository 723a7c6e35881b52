/**
 * Keys where instances register that are in no service: with a slash in their id, or of a service that no config names.
 *
 * Somebody has misspelt something, and whoever registered cannot see it, so it is told: each key once for each value, and
 * each service once for as long as something is there. What is there at this moment can be looked up.
 */
import { folderOf } from "./registry-change.ts";

/** A key with a slash in the id of its instance. */
export interface DeepInstance {
  readonly key: string;
  readonly revision: number;
  readonly message: string;
}

/** How many there are at this moment, and the first of them. */
export interface DeepInstances {
  readonly count: number;
  readonly first: readonly DeepInstance[];
}

/** How many keys are of no service at this moment, and the first places. */
export interface UnnamedKeys {
  readonly count: number;
  readonly prefixes: readonly string[];
}

/** What is told at once. */
export interface StrayReport {
  /** Below the prefix of a service, and no instance of it. */
  readonly refused: readonly DeepInstance[];
  /** Where something registers and no service looks. */
  readonly unnamed: readonly string[];
}

/** Another fleet may have all its services in the same etcd. */
const STRAYS_MAX = 10_000;

/** What fills a log no further. */
const TOLD_MAX = 1_000;
const TOLD_AT_ONCE_MAX = 100;

/** Who looks it up wants to see what it is, and not all of it. */
const LISTED_MAX = 100;

export class StrayInstances {
  readonly #refused = new Map<string, DeepInstance>();
  /** The keys by where no service looks. */
  readonly #unnamed = new Map<string, Set<string>>();
  #unnamedCount = 0;
  readonly #toldKeys = new Map<string, number>();
  readonly #toldPrefixes = new Set<string>();
  #prefixes: ReadonlySet<string> = new Set();

  /** Those with a slash in their id, at this moment. */
  get refused(): DeepInstances {
    return { count: this.#refused.size, first: [...this.#refused.values()].slice(0, LISTED_MAX) };
  }

  /** What is of no service, at this moment. */
  get unnamed(): UnnamedKeys {
    return { count: this.#unnamedCount, prefixes: [...this.#unnamed.keys()].slice(0, LISTED_MAX).toSorted() };
  }

  /** Begins anew with the prefixes of the services as they are now. */
  reset(prefixes: ReadonlySet<string>): void {
    this.#prefixes = prefixes;
    this.#refused.clear();
    this.#unnamed.clear();
    this.#unnamedCount = 0;
    for (const prefix of prefixes) this.#toldPrefixes.delete(prefix);
  }

  /** A key that is not directly below one of the prefixes has this revision now, or has gone. */
  take(key: string, revision: number | undefined): void {
    const prefix = this.#prefixAbove(key);
    if (prefix === undefined) {
      this.#takeUnnamed(key, revision !== undefined);
    } else if (revision === undefined) {
      this.#refused.delete(key);
      this.#toldKeys.delete(key);
    } else if (this.#hasRoom()) {
      const message = `the instance id "${key.slice(prefix.length)}" has a slash in it`;
      this.#refused.set(key, { key, revision, message });
    }
  }

  /** What was not told yet; of what has gone since the last time is told again when it comes back. */
  report(): StrayReport {
    for (const prefix of this.#toldPrefixes) if (!this.#unnamed.has(prefix)) this.#toldPrefixes.delete(prefix);
    const unnamed: string[] = [];
    for (const prefix of this.#unnamed.keys()) {
      if (this.#toldPrefixes.has(prefix) || this.#toldPrefixes.size >= TOLD_MAX) continue;
      this.#toldPrefixes.add(prefix);
      unnamed.push(prefix);
    }
    const refused: DeepInstance[] = [];
    for (const problem of this.#refused.values()) {
      const { key, revision } = problem;
      if (this.#toldKeys.get(key) === revision || refused.length >= TOLD_AT_ONCE_MAX) continue;
      if (this.#toldKeys.size >= TOLD_MAX) this.#toldKeys.clear();
      this.#toldKeys.set(key, revision);
      refused.push(problem);
    }
    return { refused, unnamed: unnamed.toSorted() };
  }

  #takeUnnamed(key: string, isThere: boolean): void {
    const folder = folderOf(key);
    const keys = this.#unnamed.get(folder) ?? new Set();
    const before = keys.size;
    if (!isThere) keys.delete(key);
    else if (this.#hasRoom()) keys.add(key);
    this.#unnamedCount += keys.size - before;
    if (keys.size > 0) this.#unnamed.set(folder, keys);
    else this.#unnamed.delete(folder);
  }

  #hasRoom(): boolean {
    return this.#refused.size + this.#unnamedCount < STRAYS_MAX;
  }

  /** The service that a key would be of if its id might have slashes. */
  #prefixAbove(key: string): string | undefined {
    for (let prefix = folderOf(key); prefix.length > 1; prefix = folderOf(prefix.slice(0, -1))) {
      if (this.#prefixes.has(prefix)) return prefix;
    }
    return undefined;
  }
}
