/**
 * Intents made by hand, for tests of what comes after parsing.
 *
 * Every function takes what the test is about and fills in the rest with what a parser would give for a
 * key that nobody wrote.
 */
import type { Place } from "../../src/model/diagnostic.ts";
import type { Gateway } from "../../src/model/intent-gateway.ts";
import type { Backend, PathMatch, Route, Rule, RuleMatch } from "../../src/model/intent-route.ts";
import type { Endpoint, Service, Subset } from "../../src/model/intent-service.ts";
import type { Intent, JsonValue, NodeGroup, RawResource } from "../../src/model/intent.ts";

/** A place in a file that does not exist. */
export function place(line = 1, file = "fairway.yaml"): Place {
  return { file, line, column: 1 };
}

export function buildIntent(parts: Partial<Intent> = {}): Intent {
  return {
    groups: [group("default")],
    gateways: [],
    services: [],
    routes: [],
    l4Routes: [],
    splits: [],
    secrets: [],
    rawResources: [],
    patches: [],
    ...parts,
  };
}

export function group(name: string, rest: Partial<NodeGroup> = {}): NodeGroup {
  return { name, at: place(), match: {}, consistency: "strict", removalGuard: { mode: "on" }, updates: {}, ...rest };
}

export function gateway(name: string, rest: Partial<Gateway> = {}): Gateway {
  return {
    name,
    at: place(),
    groups: ["default"],
    listeners: [{ name: "http", at: place(), port: 10_000 }],
    grpcListeners: [],
    l4Listeners: [],
    policies: [],
    accessLogs: [],
    ...rest,
  };
}

export function service(name: string, rest: Partial<Service> = {}): Service {
  return { name, at: place(), endpoints: [endpoint(8080)], subsets: [], policy: {}, ...rest };
}

export function endpoint(port: number, rest: Partial<Endpoint> = {}): Endpoint {
  return { at: place(), host: "127.0.0.1", port, labels: {}, ...rest };
}

export function subset(name: string, labels: Subset["labels"], policy: Subset["policy"] = {}): Subset {
  return { name, at: place(), labels, policy };
}

export function route(name: string, rules: readonly Rule[], rest: Partial<Route> = {}): Route {
  return { name, at: place(), gateways: ["public"], hostnames: ["*"], policies: [], rules, ...rest };
}

export function rule(name: string, backends: readonly Backend[], rest: Partial<Rule> = {}): Rule {
  return {
    name,
    at: place(),
    matches: [match({ kind: "prefix", path: "/" })],
    target: { backends },
    mirrors: [],
    policies: [],
    ...rest,
  };
}

export function match(path: PathMatch, rest: Partial<RuleMatch> = {}): RuleMatch {
  return { at: place(), path, headers: [], queryParams: [], ...rest };
}

/** `reviews` or `reviews|canary`. */
export function backend(cluster: string, weight = 1): Backend {
  const [name = "", subsetName] = cluster.split("|");
  return { at: place(), service: name, weight, ...(subsetName === undefined ? {} : { subset: subsetName }) };
}

export function raw(message: string, name: string, json: { readonly [key: string]: JsonValue }): RawResource {
  const typeUrl = `type.googleapis.com/${message}`;
  return { at: place(), typeUrl, name, json: { "@type": typeUrl, ...json } };
}

/** One gateway, one service and one route to it: the smallest intent that carries traffic. */
export function helloIntent(): Intent {
  return buildIntent({
    gateways: [gateway("public")],
    services: [service("hello")],
    routes: [route("hello", [rule("main", [backend("hello")])])],
  });
}
