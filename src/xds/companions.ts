/**
 * The streams of one node that have a part in the same change.
 *
 * With ADS there is one. An Envoy that asks each type on a stream of its own, and its endpoints on one for each
 * cluster, has many: routes wait for what is acknowledged on the others, and clusters stay until the routes on
 * theirs have left. Two ADS streams of one node are two processes and have nothing to do with each other.
 */
import type { OpenStreams } from "./open-streams.ts";
import type { StreamState } from "./stream-state.ts";

interface Companion {
  readonly isOfOneType: boolean;
  readonly node: { readonly id: string } | undefined;
  readonly group: string | undefined;
  readonly state: StreamState | undefined;
  lookAgain(): void;
}

const none: readonly StreamState[] = [];

/** Finds companions, and has them look again when something happened on one of them. */
export class Companions<Stream extends Companion> {
  readonly #streams: OpenStreams<Stream>;
  readonly #due = new Set<string>();
  /** Streams of one type that are open; without any nothing has to be looked for. */
  #singles = 0;

  constructor(streams: OpenStreams<Stream>) {
    this.#streams = streams;
  }

  opened(stream: Stream): void {
    if (stream.isOfOneType) this.#singles += 1;
  }

  closed(stream: Stream): void {
    if (!stream.isOfOneType) return;
    this.#singles -= 1;
    this.stepped(stream);
  }

  of(stream: Stream): readonly StreamState[] {
    const { node } = stream;
    if (this.#singles === 0 || node === undefined) return none;
    const states: StreamState[] = [];
    for (const other of this.#streams.of(node.id)) {
      const together = other !== stream && (stream.isOfOneType || other.isOfOneType) && other.group === stream.group;
      if (together && other.state !== undefined) states.push(other.state);
    }
    return states;
  }

  /** The companions look again soon: once, whatever else happens before. */
  stepped(stream: Stream): void {
    const id = stream.node?.id;
    if (this.#singles === 0 || id === undefined || this.#due.has(id)) return;
    this.#due.add(id);
    setImmediate(() => {
      this.#due.delete(id);
      for (const other of this.#streams.of(id)) other.lookAgain();
    });
  }
}
