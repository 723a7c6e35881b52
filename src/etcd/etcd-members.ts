/**
 * The members of an etcd cluster as one place to call: which of them is asked, who asks, and for how long.
 *
 * Calls go to one member until it fails; then the next is asked. Reads are tried at each member once within their
 * time; a write never twice, because the first may have been done. With a name and password a token is fetched, and
 * fetched again when etcd does not take it any more. When a connection fails and there are other certificates by then,
 * all connections are made anew with them.
 */
import type { ChannelCredentials, ClientDuplexStream, ClientOptions } from "@grpc/grpc-js";
import { Client, Metadata, credentials, status } from "@grpc/grpc-js";
import { AuthDefinition } from "../gen/etcd/rpc.ts";
import type { Clock } from "../support/clock.ts";
import type { CallFailure } from "./etcd-error.ts";
import { EtcdError, etcdError, isOfMember, isStaleToken } from "./etcd-error.ts";
import type { EtcdTls } from "./tls-trouble.ts";
import { tlsTrouble } from "./tls-trouble.ts";

/** How to reach a cluster. */
export interface EtcdOptions {
  /** `host:port` of each member. */
  readonly endpoints: readonly string[];
  /** Undefined for plain connections. */
  readonly tls?: EtcdTls;
  /** What is there now instead, if that is anything else; asked when a connection failed. */
  readonly renewedTls?: () => EtcdTls | undefined;
  readonly user?: { readonly name: string; readonly password: string };
  /** What one call may take in all. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
}

/** A method of the generated definitions. */
interface MethodOf<Request, Response> {
  readonly name: string;
  readonly requestType: Encoder<Request>;
  readonly responseType: Decoder<Response>;
}

interface Encoder<T> {
  encode(message: T): { finish(): Uint8Array };
}

interface Decoder<T> {
  decode(bytes: Uint8Array): T;
}

const TIMEOUT_MS = 5_000;

const channelOptions: ClientOptions = {
  // A connection that is cut without a word is noticed by this, in twelve seconds; one on which everything is five
  // seconds late stays. etcd hangs up on whoever pings more often than every five, or while no call is under way; then
  // the next call finds out.
  "grpc.keepalive_time_ms": 6_000,
  "grpc.keepalive_timeout_ms": 6_000,
  "grpc.keepalive_permit_without_calls": 0,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
  // Ten thousand services in one answer; etcd itself takes 1.5 MiB in one request.
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
  "grpc.enable_retries": 0,
};

export class EtcdMembers {
  #clients: readonly Member[];
  #tls: EtcdTls | undefined;
  readonly #renewedTls: () => EtcdTls | undefined;
  readonly #user: EtcdOptions["user"];
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #current = 0;
  #token: Promise<string> | undefined;

  constructor(options: EtcdOptions) {
    this.#tls = options.tls;
    this.#renewedTls = options.renewedTls ?? (() => undefined);
    this.#clients = membersOf(options.endpoints, options.tls);
    this.#user = options.user;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#clock = options.clock;
  }

  /** The member that is asked at the moment. */
  get endpoint(): string {
    return this.#member().endpoint;
  }

  /** One call; `mayRepeat` when nothing happens by doing it twice. */
  async call<Request, Response>(
    service: string,
    method: MethodOf<Request, Response>,
    request: Request,
    { mayRepeat }: { readonly mayRepeat: boolean },
  ): Promise<Response> {
    const endMs = this.#clock.monotonicMs() + this.#timeoutMs;
    let hasNewToken = false;
    for (let tries = 1; ; tries += 1) {
      const member = this.#member();
      const share = mayRepeat ? this.#timeoutMs / this.#clients.length : this.#timeoutMs;
      const leftMs = Math.min(endMs - this.#clock.monotonicMs(), share);
      const deadline = new Date(this.#clock.nowMs() + leftMs);
      const answer = await this.#ask(member.client, { service, method, request, deadline });
      if (answer.ok) return answer.response;
      const { failure } = answer;
      if (isOfMember(failure)) this.#leave(member.endpoint);
      if (isStaleToken(failure) && this.#user !== undefined && !hasNewToken) {
        // It was not done: etcd looks at the token first.
        hasNewToken = true;
        this.#token = undefined;
        continue;
      }
      const isLast = tries >= this.#clients.length || this.#clock.monotonicMs() >= endMs;
      if (!mayRepeat || isLast || !isOfMember(failure)) throw await this.#errorOf(failure, member.endpoint);
    }
  }

  /** A stream to the current member; the caller ends it. A member that breaks one is left by `left`. */
  async stream<Request, Response>(
    service: string,
    method: MethodOf<Request, Response>,
  ): Promise<{ readonly endpoint: string; readonly stream: ClientDuplexStream<Request, Response> }> {
    const { client, endpoint } = this.#member();
    const metadata = await this.#metadata(new Date(this.#clock.nowMs() + this.#timeoutMs));
    const stream = client.makeBidiStreamRequest<Request, Response>(
      `/${service}/${method.name}`,
      (message) => Buffer.from(method.requestType.encode(message).finish()),
      (bytes) => method.responseType.decode(bytes),
      metadata,
    );
    return { endpoint, stream };
  }

  /** Sends one message on a stream and resolves with what the first answer says; the stream is over then. */
  first<Request, Response, Found>(
    endpoint: string,
    stream: ClientDuplexStream<Request, Response>,
    asked: { readonly request: Request; readonly read: (response: Response) => Found },
  ): Promise<Found> {
    return new Promise<Found>((resolve, reject) => {
      const fail = (failure: CallFailure) => {
        clearTimeout(timer);
        this.left(endpoint, failure);
        reject(etcdError(failure, endpoint));
      };
      const timer = setTimeout(() => {
        fail({ code: status.DEADLINE_EXCEEDED, details: "it did not answer in time" });
        stream.cancel();
      }, this.#timeoutMs);
      stream.on("error", fail);
      stream.on("end", () => fail({ code: status.UNAVAILABLE, details: "it ended the stream" }));
      stream.once("data", (response: Response) => {
        clearTimeout(timer);
        resolve(asked.read(response));
        stream.cancel();
      });
      stream.write(asked.request);
    });
  }

  /** The next call goes to another member, unless that has happened already. */
  left(endpoint: string, failure: CallFailure): void {
    if (isStaleToken(failure)) this.#token = undefined;
    this.#leave(endpoint);
  }

  close(): void {
    for (const { client } of this.#clients) client.close();
  }

  #member(): Member {
    const member = this.#clients[this.#current % this.#clients.length];
    if (member === undefined) throw new EtcdError("unavailable", "no etcd endpoint is given");
    return member;
  }

  async #errorOf(failure: CallFailure, endpoint: string): Promise<EtcdError> {
    // A connection that is refused has not come to certificates, and one that hangs would hang again.
    const mayBeTls = failure.code === status.UNAVAILABLE && !/ECONNREFUSED|ENOTFOUND/.test(failure.details);
    const tls = mayBeTls ? this.#tls : undefined;
    return etcdError(failure, endpoint, tls && (await tlsTrouble(endpoint, tls, this.#clock.nowMs())));
  }

  #leave(endpoint: string): void {
    const tls = this.#renewedTls();
    if (tls !== undefined) {
      for (const { client } of this.#clients) client.close();
      this.#tls = tls;
      this.#clients = membersOf(
        this.#clients.map((member) => member.endpoint),
        tls,
      );
    }
    if (this.#member().endpoint === endpoint) this.#current = (this.#current + 1) % this.#clients.length;
  }

  async #ask<Request, Response>(
    client: Client,
    asked: {
      readonly service: string;
      readonly method: MethodOf<Request, Response>;
      readonly request: Request;
      readonly deadline: Date;
    },
  ): Promise<
    { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly failure: CallFailure }
  > {
    try {
      const metadata = await this.#metadata(asked.deadline);
      return { ok: true, response: await unary(client, { ...asked, metadata }) };
    } catch (cause) {
      if (isCallFailure(cause)) return { ok: false, failure: cause };
      throw cause;
    }
  }

  async #metadata(deadline: Date): Promise<Metadata> {
    const metadata = new Metadata();
    // A member that has lost its leader says so, and does not go on as if nothing were happening.
    metadata.set("hasleader", "true");
    if (this.#user === undefined) return metadata;
    this.#token ??= this.#authenticate(this.#user, deadline);
    try {
      metadata.set("token", await this.#token);
    } catch (cause) {
      this.#token = undefined;
      throw cause;
    }
    return metadata;
  }

  async #authenticate({ name, password }: NonNullable<EtcdOptions["user"]>, deadline: Date): Promise<string> {
    const { client } = this.#member();
    const method = AuthDefinition.methods.authenticate;
    const service = AuthDefinition.fullName;
    const asked = { service, method, request: { name, password }, deadline, metadata: new Metadata() };
    return (await unary(client, asked)).token;
  }
}

function unary<Request, Response>(
  client: Client,
  asked: {
    readonly service: string;
    readonly method: MethodOf<Request, Response>;
    readonly request: Request;
    readonly deadline: Date;
    readonly metadata: Metadata;
  },
): Promise<Response> {
  const { service, method, request, deadline, metadata } = asked;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<Request, Response>(
      `/${service}/${method.name}`,
      (message) => Buffer.from(method.requestType.encode(message).finish()),
      (bytes) => method.responseType.decode(bytes),
      request,
      metadata,
      { deadline },
      (failure, response) => {
        if (failure !== null) reject(failure);
        else if (response === undefined) reject(new EtcdError("refused", `etcd gave no answer to ${method.name}`));
        else resolve(response);
      },
    );
  });
}

function isCallFailure(cause: unknown): cause is Error & CallFailure {
  return cause instanceof Error && "code" in cause && typeof cause.code === "number" && "details" in cause;
}

interface Member {
  readonly endpoint: string;
  readonly client: Client;
}

function membersOf(endpoints: readonly string[], tls: EtcdTls | undefined): readonly Member[] {
  const secured = credentialsOf(tls);
  return endpoints.map((endpoint) => ({ endpoint, client: new Client(endpoint, secured, channelOptions) }));
}

function credentialsOf(tls: EtcdTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.certificate ?? null);
}
