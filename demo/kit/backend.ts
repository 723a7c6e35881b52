/**
 * A small HTTP server that says who it is, slow or broken on demand.
 *
 * Every answer carries the backend's label in `x-backend` and in its JSON body, so that a client behind
 * Envoy can tell who answered.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { freePort } from "./ports.ts";

/** What a backend is started with. */
export interface BackendOptions {
  /** Who it says it is, such as `v1`. */
  readonly label: string;
  readonly port?: number;
  readonly behaviour?: Behaviour;
}

/** How it answers; what is absent is as it was not there: at once, without failures. */
export interface Behaviour {
  readonly delayMs?: number;
  readonly failure?: Failure;
}

/** Failing answers. */
export interface Failure {
  /** An HTTP status, or `reset` to cut the connection instead of answering. */
  readonly answer: number | "reset";
  /** Of 100 requests so many fail, spread evenly; absent means all. */
  readonly percent?: number;
  /** Only paths that begin so; absent means all. */
  readonly pathPrefix?: string;
}

/** One running backend. */
export class Backend {
  readonly label: string;
  readonly port: number;
  readonly #server: Server;
  #behaviour: Behaviour;
  #requests = 0;
  #failures = 0;
  #active = 0;
  #connections = 0;
  #failureDebt = 0;

  private constructor(label: string, port: number, behaviour: Behaviour) {
    this.label = label;
    this.port = port;
    this.#behaviour = behaviour;
    this.#server = createServer((request, response) => this.#respond(request, response));
    this.#server.on("connection", () => (this.#connections += 1));
    // Envoy keeps idle connections for an hour; a server that closes them first makes a request fail now and then.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.headersTimeout = 0;
  }

  /** Listens on 127.0.0.1. */
  static async start(options: BackendOptions): Promise<Backend> {
    const backend = new Backend(options.label, options.port ?? (await freePort()), options.behaviour ?? {});
    await new Promise<void>((resolve, reject) => {
      backend.#server.once("error", reject);
      backend.#server.listen(backend.port, "127.0.0.1", resolve);
    });
    return backend;
  }

  /** `127.0.0.1:port`, as config files write it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Requests that arrived. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests that were answered by a failure on demand. */
  get failures(): number {
    return this.#failures;
  }

  /** Requests that are being answered now. */
  get active(): number {
    return this.#active;
  }

  /** Connections that were opened so far. */
  get connections(): number {
    return this.#connections;
  }

  /** From now on it answers like this; `{}` is back to normal. */
  set(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    this.#failureDebt = 0;
  }

  /** Stops listening and cuts what is open. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    this.#requests += 1;
    this.#active += 1;
    response.once("close", () => (this.#active -= 1));
    request.resume();
    const answer = this.#nextAnswer(request.url ?? "/");
    const respond = (): void => {
      if (answer === "reset") response.destroy();
      else this.#write(request, response, answer);
    };
    if (this.#behaviour.delayMs === undefined) respond();
    else setTimeout(respond, this.#behaviour.delayMs);
  }

  #write(request: IncomingMessage, response: ServerResponse, status: number): void {
    const body = JSON.stringify({
      label: this.label,
      port: this.port,
      host: request.headers.host,
      path: request.url,
      headers: request.headers,
    });
    response.writeHead(status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "x-backend": this.label,
    });
    response.end(body);
  }

  /** Failures are spread by debt, not by chance: 25 % is every fourth request. */
  #nextAnswer(path: string): number | "reset" {
    const { failure } = this.#behaviour;
    if (failure === undefined || !path.startsWith(failure.pathPrefix ?? "")) return 200;
    this.#failureDebt += failure.percent ?? 100;
    if (this.#failureDebt < 100) return 200;
    this.#failureDebt -= 100;
    this.#failures += 1;
    return failure.answer;
  }
}
