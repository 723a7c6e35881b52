/**
 * One kept HTTP/1.1 connection that sends bytes made beforehand and reads no more of an answer than its end.
 *
 * Node's own HTTP client takes several times the processor time of the Envoy that is measured; this one
 * leaves the machine to it.
 */
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { LoadTarget } from "./load-orders.ts";

/** How a request ended: its status, 0 without an answer. */
type Done = (status: number) => void;

const HEAD_END = "\r\n\r\n";

/** One connection, with one request at a time. */
export class LoadConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #done: Done | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // Whatever happened, "close" follows.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#closed = true;
      this.#finish(0);
    });
  }

  /** Resolves when the connection can be used. */
  static open({ port, tls }: LoadTarget): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const socket =
        tls === undefined
          ? connectTcp({ host: "127.0.0.1", port }, () => resolve(connection))
          : connectTls(
              { host: "127.0.0.1", port, ...tls, servername: tls.serverName, ALPNProtocols: ["http/1.1"] },
              () => resolve(connection),
            );
      const connection = new LoadConnection(socket);
      socket.once("error", reject);
    });
  }

  get usable(): boolean {
    return !this.#closed;
  }

  /** Sends a request; nothing may be under way. */
  request(bytes: Buffer, done: Done): void {
    this.#done = done;
    if (this.#closed) this.#finish(0);
    else this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #finish(status: number): void {
    const done = this.#done;
    this.#done = undefined;
    this.#received = Buffer.alloc(0);
    done?.(status);
  }

  #read(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString("latin1", 0, headEnd);
    const bodyFrom = headEnd + HEAD_END.length;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const whole =
      length === undefined
        ? this.#received.subarray(-7).toString("latin1") === "\r\n0\r\n\r\n" || this.#received.length - bodyFrom === 5
        : this.#received.length - bodyFrom >= Number(length);
    if (!whole) return;
    // Who is told to end the connection must not use it again.
    if (/\r\nconnection: *close/i.test(head)) this.#closed = true;
    this.#finish(Number(head.slice(9, 12)));
    if (this.#closed) this.#socket.destroy();
  }
}
