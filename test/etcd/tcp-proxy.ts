/**
 * A wire between somebody and an etcd that can be held still, slowed down or cut; bytes go through as they are.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** Bytes that wait for their time, in order. */
interface Direction {
  readonly from: Socket;
  readonly to: Socket;
  readonly isRequest: boolean;
  readonly waiting: { readonly chunk: Buffer; readonly dueAtMs: number }[];
}

export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #directions = new Set<Direction>();
  #held: "nothing" | "requests" | "all" = "nothing";
  #delayMs = 0;

  private constructor(target: string) {
    const [host, port] = target.split(":");
    this.#server = createServer((client) => {
      const server = connect(Number(port), host);
      this.#join(client, server, true);
      this.#join(server, client, false);
    });
  }

  /** Leads from a port of its own to `host:port`. */
  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Lets nothing through, in neither direction, without closing anything. */
  hold(): void {
    this.#held = "all";
  }

  /** Lets nothing through from the client to the server; it goes on hearing. */
  holdRequests(): void {
    this.#held = "requests";
  }

  /** What waits for its time. */
  get waitingBytes(): number {
    return [...this.#directions].flatMap(({ waiting }) => waiting).reduce((sum, { chunk }) => sum + chunk.length, 0);
  }

  /** Lets through what was held, and all that comes. */
  release(): void {
    this.#held = "nothing";
    for (const direction of this.#directions) this.#flush(direction);
  }

  /** Everything comes so much later. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { from, to } of this.#directions) for (const socket of [from, to]) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(from: Socket, to: Socket, isRequest: boolean): void {
    const direction: Direction = { from, to, isRequest, waiting: [] };
    this.#directions.add(direction);
    from.on("data", (chunk: Buffer) => {
      const dueAtMs = performance.now() + this.#delayMs;
      direction.waiting.push({ chunk, dueAtMs });
      if (this.#delayMs === 0) this.#flush(direction);
      else setTimeout(() => this.#flush(direction), this.#delayMs);
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#directions.delete(direction);
      to.destroy();
    });
  }

  #flush({ to, isRequest, waiting }: Direction): void {
    if (this.#held === "all" || (this.#held === "requests" && isRequest)) return;
    for (let next = waiting[0]; next !== undefined && next.dueAtMs <= performance.now() + 1; next = waiting[0]) {
      waiting.shift();
      to.write(next.chunk);
    }
  }
}
