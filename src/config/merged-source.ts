/**
 * Several sources as one: the documents of all, from when each has told its first state.
 */
import { newest } from "../etcd/positions.ts";
import type { Source, SourceState } from "./source.ts";

export class MergedSource implements Source {
  readonly #sources: readonly Source[];
  readonly #states: (SourceState | undefined)[];
  #revision = 0;

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
    this.#states = sources.map(() => undefined);
  }

  async start(listener: (state: SourceState) => void): Promise<void> {
    await Promise.all(
      this.#sources.map((source, index) =>
        source.start((state) => {
          this.#states[index] = state;
          const merged = this.#merge(state);
          if (merged !== undefined) listener(merged);
        }),
      ),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  #merge({ cause, noticedAtMs }: SourceState): SourceState | undefined {
    const states = this.#states.filter((state) => state !== undefined);
    if (states.length < this.#sources.length) return undefined;
    this.#revision += 1;
    return {
      revision: this.#revision,
      documents: states.flatMap(({ documents }) => documents).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      problems: states.flatMap(({ problems }) => problems),
      noticedAtMs,
      cause,
      ...etcdOf(states),
    };
  }
}

function etcdOf(states: readonly SourceState[]): Pick<SourceState, "etcd"> {
  const positions = states.flatMap(({ etcd }) => etcd ?? []);
  return positions.length === 0 ? {} : { etcd: newest(...positions) };
}
