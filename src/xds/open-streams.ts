/**
 * The streams that are open now, also found by the node that they belong to.
 *
 * A node has one of them, or one for each service that it uses; for a moment it has two of a kind, when it
 * comes back before the old stream is seen to end.
 */

/** A stream; its node is known from its first request on. */
interface OfNode {
  readonly node: { readonly id: string } | undefined;
}

export class OpenStreams<Stream extends OfNode> {
  readonly #all = new Set<Stream>();
  readonly #byNode = new Map<string, Set<Stream>>();

  get size(): number {
    return this.#all.size;
  }

  /** In the order in which they were opened; streams may come and go meanwhile. */
  all(): readonly Stream[] {
    return [...this.#all];
  }

  /** Those of one node, oldest first. */
  of(nodeId: string): readonly Stream[] {
    return [...(this.#byNode.get(nodeId) ?? [])];
  }

  add(stream: Stream): void {
    this.#all.add(stream);
  }

  /** Called once the stream's node is known; returns how many that node has now. */
  identified(stream: Stream): number {
    const { node } = stream;
    if (node === undefined) return 0;
    const ofNode = this.#byNode.get(node.id) ?? new Set();
    this.#byNode.set(node.id, ofNode.add(stream));
    return ofNode.size;
  }

  delete(stream: Stream): void {
    this.#all.delete(stream);
    const { node } = stream;
    const ofNode = node === undefined ? undefined : this.#byNode.get(node.id);
    if (node === undefined || ofNode === undefined) return;
    ofNode.delete(stream);
    if (ofNode.size === 0) this.#byNode.delete(node.id);
  }
}
