/**
 * Keys where instances register that are in no service: with a slash in their id, or of a service that no config names.
 *
 * Somebody has misspelt something, and whoever registered cannot see it, so it is told: each key once for each value, and
 * each service once.
 */
import { folderOf } from "./registry-change.ts";

/** What is told at once. */
export interface StrayReport {
  /** Below the prefix of a service, and no instance of it. */
  readonly refused: readonly { readonly key: string; readonly revision: number; readonly message: string }[];
  /** Where something registers and no service looks. */
  readonly unnamed: readonly string[];
}

/** Another fleet may have all its services in the same etcd. */
const STRAYS_MAX = 10_000;

/** What fills a log no further. */
const TOLD_MAX = 1_000;
const TOLD_AT_ONCE_MAX = 100;

export class StrayInstances {
  /** By key the revision. */
  readonly #strays = new Map<string, number>();
  readonly #toldKeys = new Map<string, number>();
  readonly #toldPrefixes = new Set<string>();
  #prefixes: ReadonlySet<string> = new Set();

  /** Begins anew with the prefixes of the services as they are now. */
  reset(prefixes: ReadonlySet<string>): void {
    this.#prefixes = prefixes;
    this.#strays.clear();
    for (const prefix of prefixes) this.#toldPrefixes.delete(prefix);
  }

  /** A key that is not directly below one of the prefixes has this revision now, or has gone. */
  take(key: string, revision: number | undefined): void {
    if (revision === undefined) {
      this.#strays.delete(key);
      this.#toldKeys.delete(key);
    } else if (this.#strays.size < STRAYS_MAX) {
      this.#strays.set(key, revision);
    }
  }

  /** What was not told yet. */
  report(): StrayReport {
    const refused: StrayReport["refused"][number][] = [];
    const unnamed = new Set<string>();
    for (const [key, revision] of this.#strays) {
      const prefix = this.#prefixAbove(key);
      if (prefix === undefined) {
        const folder = folderOf(key);
        if (this.#toldPrefixes.has(folder) || this.#toldPrefixes.size >= TOLD_MAX) continue;
        this.#toldPrefixes.add(folder);
        unnamed.add(folder);
      } else if (this.#toldKeys.get(key) !== revision && refused.length < TOLD_AT_ONCE_MAX) {
        if (this.#toldKeys.size >= TOLD_MAX) this.#toldKeys.clear();
        this.#toldKeys.set(key, revision);
        refused.push({ key, revision, message: `the instance id "${key.slice(prefix.length)}" has a slash in it` });
      }
    }
    return { refused, unnamed: [...unnamed].toSorted() };
  }

  /** The service that a key would be of if its id might have slashes. */
  #prefixAbove(key: string): string | undefined {
    for (let prefix = folderOf(key); prefix.length > 1; prefix = folderOf(prefix.slice(0, -1))) {
      if (this.#prefixes.has(prefix)) return prefix;
    }
    return undefined;
  }
}
