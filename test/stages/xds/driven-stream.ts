/**
 * A stream machine and a client that says exactly what a test tells it to: one request, one step.
 */
import type { Snapshot, TypeTable } from "../../../src/snapshot/snapshot.ts";
import { resourceType, typeUrls } from "../../../src/snapshot/type-url.ts";
import { createSharedResponses } from "../../../src/xds/shared-responses.ts";
import type { SharedResponses } from "../../../src/xds/shared-responses.ts";
import type { StreamEvent } from "../../../src/xds/stream-event.ts";
import { createStream } from "../../../src/xds/stream-state.ts";
import type { Rejections, Response, StreamInput, StreamState, Variant } from "../../../src/xds/stream-state.ts";
import { step } from "../../../src/xds/stream.ts";

type TypeName = keyof typeof typeUrls;

/** What a request may carry beside its type. */
export interface Ask {
  readonly names?: readonly string[];
  readonly drop?: readonly string[];
  readonly versions?: Readonly<Record<string, string>>;
  readonly versionInfo?: string;
  readonly nonce?: string;
  readonly error?: string;
}

/** One stream under test. */
export class DrivenStream {
  readonly variant: Variant;
  readonly events: StreamEvent[] = [];
  readonly responses: Response[] = [];
  readonly earlier = new Map<string, readonly TypeTable[]>();
  nowMs = 1_000;
  wakeAtMs: number | undefined;
  #state: StreamState;

  constructor(
    variant: Variant,
    rejections: Rejections = new Map(),
    shared = createSharedResponses(),
    companions: () => readonly DrivenStream[] = () => [],
  ) {
    this.variant = variant;
    this.#state = createStream({
      streamId: 1,
      nodeId: "node",
      variant,
      rejections,
      shared,
      companions: () => companions().map((companion) => companion.#state),
    });
  }

  publish(snapshot: Snapshot): readonly Response[] {
    return this.#step({ kind: "snapshot", snapshot, atMs: this.nowMs });
  }

  /** A request; what it caused is returned. */
  ask(type: TypeName, ask: Ask = {}): readonly Response[] {
    return this.askFor(typeUrls[type], ask);
  }

  /** The same for any type. */
  askFor(typeUrl: string, ask: Ask = {}): readonly Response[] {
    const { names = [], drop = [], nonce = "", error } = ask;
    const demand =
      this.variant === "sotw"
        ? ({ variant: "sotw", typeUrl, names, versionInfo: ask.versionInfo ?? "", nonce, error } as const)
        : ({
            variant: "delta",
            typeUrl,
            subscribe: names,
            unsubscribe: drop,
            initialVersions: new Map(Object.entries(ask.versions ?? {})),
            nonce,
            error,
          } as const);
    const earlier = (of: string) => this.earlier.get(of) ?? [];
    return this.#step({ kind: "request", demand, atMs: this.nowMs, earlier });
  }

  /** Acknowledges the newest response of the type; a SotW client repeats its names with it. */
  ack(type: TypeName, ask: Ask = {}): readonly Response[] {
    const last = this.last(type);
    return this.ask(type, { versionInfo: last.versionInfo, nonce: last.nonce, ...ask });
  }

  reject(type: TypeName, error: string, ask: Ask = {}): readonly Response[] {
    return this.ask(type, { nonce: this.last(type).nonce, error, ...ask });
  }

  /** Lets time pass. */
  wait(ms: number): readonly Response[] {
    this.nowMs += ms;
    return this.#step({ kind: "tick", atMs: this.nowMs });
  }

  last(type: TypeName): Response {
    const found = this.responses.findLast(({ typeUrl }) => typeUrl === typeUrls[type]);
    if (found === undefined) throw new Error(`no response of ${type} was sent`);
    return found;
  }

  /** What somebody who looks at the stream finds. */
  inspect<Found>(look: (state: StreamState) => Found): Found {
    return look(this.#state);
  }

  kinds(): readonly string[] {
    return this.events.map((event) => (event.kind === "gate" ? `gate ${event.state}` : event.kind));
  }

  #step(input: StreamInput): readonly Response[] {
    const outcome = step(this.#state, input);
    this.#state = outcome.state;
    this.events.push(...outcome.events);
    this.responses.push(...outcome.responses);
    this.wakeAtMs = outcome.wakeAtMs;
    return outcome.responses;
  }
}

/** Responses in short: `clusters +a +b -c`. */
export function shown(responses: readonly Response[]): readonly string[] {
  return responses.map(({ typeUrl, resources, removed }) =>
    [
      resourceType(typeUrl)?.plural ?? typeUrl,
      ...resources.map(({ name }) => `+${name}`),
      ...removed.map((name) => `-${name}`),
    ].join(" "),
  );
}

/** An Envoy that has taken all of a snapshot: clusters and endpoints of these names, one listener, one route. */
export function settledStream(
  variant: Variant,
  snapshot: Snapshot,
  clusters: readonly string[],
  rejections: Rejections = new Map(),
  shared: SharedResponses = createSharedResponses(),
): DrivenStream {
  const stream = new DrivenStream(variant, rejections, shared);
  const keep = variant === "sotw";
  stream.publish(snapshot);
  stream.ask("cluster");
  stream.ack("cluster");
  stream.ask("endpoints", { names: clusters });
  stream.ack("endpoints", keep ? { names: clusters } : {});
  stream.ask("listener");
  stream.ack("listener");
  stream.ask("route", { names: ["r"] });
  stream.ack("route", keep ? { names: ["r"] } : {});
  return stream;
}
