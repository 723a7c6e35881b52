/**
 * What an xDS client keeps of one type, and the requests it makes of that: the part that all clients share.
 *
 * A model decides what it wants and what it thinks of a response; this books it and writes the request.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import { isHostAnswer } from "../../src/xds/asked-hosts.ts";
import type { Demand, Response, Variant } from "../../src/xds/stream-state.ts";

/**
 * How a client refuses: it names the bad resources and takes the others; takes the others and names none; or it
 * cannot read the message at all, takes nothing of it and names none.
 */
export type RejectionStyle = "named" | "nameless" | "unread";

/** A request, and the stream that it goes out on. */
export interface Outgoing {
  readonly stream: string;
  readonly demand: Demand;
}

/** The stream for all types. */
export const ADS = "ADS";

/** What the client knows of one type, or of one subscription where each is on a stream of its own. */
export interface ClientType {
  readonly typeUrl: string;
  readonly stream: string;
  /** Whether it asks for all of them, and by `*` or by naming nothing. */
  wildcard: "none" | "legacy" | "explicit";
  names: Set<string>;
  askedOnStream: boolean;
  /** SotW: the version of the last response that was accepted. */
  versionInfo: string;
  nonce: string;
  /** Delta: the versions it would name on a new stream. */
  readonly versions: Map<string, string>;
  /** Names of a rejected response of which nobody has accepted anything since: what it has of them may be either. */
  readonly unsettled: Set<string>;
  /** Responses that it has rejected, whether the rejection has arrived or not. */
  rejectionsCount: number;
}

/** A type of which nothing was asked. */
export function createClientType(typeUrl: string, wildcard: ClientType["wildcard"], stream = ADS): ClientType {
  return {
    typeUrl,
    stream,
    wildcard,
    names: new Set(),
    askedOnStream: false,
    versionInfo: "",
    nonce: "",
    versions: new Map(),
    unsettled: new Set(),
    rejectionsCount: 0,
  };
}

/** The first request of the type on a stream. */
export function firstRequest(variant: Variant, type: ClientType): Outgoing {
  type.askedOnStream = true;
  if (variant === "sotw") return sotwDemand(type, undefined);
  return deltaDemand(type, { subscribe: asList(type), initialVersions: new Map(type.versions) });
}

/** Books the response; its ACK or NACK is made when it is sent. */
export function answer(
  variant: Variant,
  type: ClientType,
  response: Response,
  verdict: { readonly bad: readonly string[]; readonly style: RejectionStyle },
): () => Outgoing {
  const { bad, style } = verdict;
  type.nonce = response.nonce;
  const error = bad.length === 0 ? undefined : describe(bad, style);
  if (error !== undefined) type.rejectionsCount += 1;
  // After a rejection a client goes on naming what it had accepted before, though it has taken parts of it.
  if (error === undefined) accept(variant, type, response);
  else if (style !== "unread") {
    for (const { name } of response.resources) type.unsettled.add(name);
    for (const name of response.removed) type.unsettled.add(name);
    // What a full state left out is gone, although the client goes on naming the version that had it.
    if (variant === "sotw" && type.wildcard !== "none")
      for (const name of type.versions.keys()) type.unsettled.add(name);
  }
  if (variant === "sotw") return () => sotwDemand(type, error);
  return () => deltaDemand(type, { nonce: response.nonce, error });
}

/** The full list of names. */
export function sotwDemand(type: ClientType, error: string | undefined): Outgoing {
  const { stream, typeUrl, versionInfo, nonce } = type;
  return { stream, demand: { variant: "sotw", typeUrl, names: asList(type), versionInfo, nonce, error } };
}

/** A change of the subscription, or an answer. */
export function deltaDemand(type: ClientType, parts: Partial<Demand & { readonly variant: "delta" }>): Outgoing {
  const demand: Demand = {
    variant: "delta",
    typeUrl: type.typeUrl,
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(),
    nonce: "",
    error: undefined,
    ...parts,
  };
  return { stream: type.stream, demand };
}

/** Whether the client looks at a resource of that name. */
export function wants(type: ClientType, name: string): boolean {
  return type.wildcard !== "none" || type.names.has(name);
}

function accept(variant: Variant, type: ClientType, response: Response): void {
  type.versionInfo = response.versionInfo;
  if (variant === "sotw" && type.wildcard !== "none") type.unsettled.clear();
  for (const resource of response.resources) {
    const { name, version } = resource;
    type.unsettled.delete(name);
    // A virtual host is booked under its own name, and that there is none is not booked.
    const own = isHostAnswer(resource) ? resource.hostName : name;
    if (own !== undefined && wants(type, name)) type.versions.set(own, version);
  }
  for (const name of response.removed) {
    type.unsettled.delete(name);
    type.versions.delete(name);
  }
}

function asList(type: ClientType): readonly string[] {
  return type.wildcard === "explicit" ? ["*", ...type.names] : [...type.names];
}

function describe(bad: readonly string[], style: RejectionStyle): string {
  return style === "named"
    ? `Error adding/updating resource(s) ${bad.map((name) => `${name}: bad`).join(", ")}`
    : "Proto constraint validation failed (value must be greater than 0)";
}

/** Whether a response names this resource as bad. */
export function isBlamed(resource: Pick<Resource, "name">, error: string): boolean {
  return error.includes(` ${resource.name}: `);
}
