/**
 * What is wrong with somebody's input: where, why, and the way out.
 *
 * A diagnostic is data with a position; `draw-diagnostic.ts` draws it under its source line. The codes
 * are part of the interface: people search for them and silence them, so `docs/diagnostics.md` has one
 * row for each, tested equal to this table.
 */
import type { SourceProblemCode } from "../config/source.ts";

/** Lines and columns count from 1, as editors do; columns count UTF-16 units. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One problem in the input. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly at: Place;
  /** The path inside the document, such as `routes.shop.rules[0].backends[1].service`. */
  readonly path?: string;
  /** The text of the line, cut at 200 characters, and how many characters to underline. */
  readonly source?: { readonly line: string; readonly length: number };
  /** The way out: "did you mean …", "write … instead". */
  readonly hint?: string;
  /** A second place, such as where the name was first defined. */
  readonly related?: { readonly at: Place; readonly message: string };
}

/** The codes of what cannot be read for the moment: nobody has written anything wrong. */
const awayCodes: ReadonlySet<string> = new Set(["etcd-unreachable", "etcd-empty", "etcd-push-unfinished"]);

/** Whether all errors among these are of something that is away. */
export function isOnlyAway(diagnostics: readonly Pick<Diagnostic, "code" | "severity">[]): boolean {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  return errors.length > 0 && errors.every(({ code }) => awayCodes.has(code));
}

/** Every code, with one sentence for the docs. */
export const diagnosticCodes = {
  "source-missing": "A config directory or file does not exist or has gone.",
  "source-unreadable": "A config file could not be read.",
  "source-not-regular": "A config path is a device, a FIFO or a socket, not a regular file.",
  "source-outside-root": "A symbolic link leads out of the config directory.",
  "source-too-large": "A file, or all files together, exceed the size limit.",
  "source-too-many": "There are more files or deeper directories than the limit.",
  "etcd-unreachable": "What the config needs of etcd has not been read since the start.",
  "etcd-empty": "All config is to come from etcd, and nothing has been pushed there yet.",
  "etcd-push-unfinished": "The documents in etcd are between two states, because a push has not ended.",
  "etcd-missing": "The config needs an etcd, and Fairway was started without one.",
  "empty-document": "A file is empty, null or holds only comments.",
  "invalid-encoding": "A file is not valid UTF-8, or holds a NUL character or a byte order mark.",
  "yaml-syntax": "The YAML or JSON cannot be parsed.",
  "yaml-ambiguous": "A bare word reads differently in YAML 1.1 (Envoy) and YAML 1.2 (Fairway).",
  "yaml-limit": "A document is nested too deeply, or uses too many aliases.",
  "unsafe-integer": "A whole number is too large to be represented exactly.",
  "unknown-key": "A key that Fairway does not know.",
  "missing-key": "A required key is absent.",
  "wrong-type": "A value has the wrong type, such as a text where a number is meant.",
  "invalid-value": "A value has the right type and an impossible content.",
  "duplicate-name": "The same name is defined twice.",
  "dangling-reference": "A name refers to something that is not defined.",
  "unknown-envoy-type": "A raw resource has an `@type` that this Envoy API does not have.",
  "invalid-envoy-resource": "A raw resource does not fit its Envoy type.",
  "envoy-constraint": "A resource breaks a constraint of its Envoy type, so that every Envoy would refuse it.",
  "unsupported-resource-type": "A raw resource is an Envoy message, but not one that xDS delivers.",
  "invalid-patch": "A patch cannot be applied to the resource that it names.",
  "unmatched-patch": "A patch names a resource that does not exist.",
  "unknown-locality": "A locality has a weight, and no endpoint is there.",
  "empty-subset": "A subset selects no endpoint.",
  "missing-hash-key": "A service hashes requests, and does not say on what.",
  "conflicting-address": "Two listeners of a group use the same address.",
  "conflicting-route": "Two routes want the same connections of a TCP, TLS or UDP listener.",
  "outlier-never-ejects": "Outlier detection cannot eject a single host.",
  "outlier-ejects-too-many": "Outlier detection may eject so many hosts that Envoy gives up on it.",
  "inert-detector": "A detector of outlier detection is written, and can never eject a host.",
  "retries-exceed-timeout": "The tries of a request do not fit into its timeout.",
  "endless-try": "A try that hangs is never tried again, because no timeout of its own ends it.",
  "circuit-breaker-too-low": "A circuit breaker opens before there is any load to speak of.",
  "high-priority-unlimited": "Requests of high priority go where only those of normal priority are limited.",
  "claims-without-token": "A rule goes by claims of a token where no token is read.",
  "single-host-subset": "A subset that gets requests has one host only.",
  "shadowed-rule": "A rule gets no request, because another one is tried before and takes them all.",
  "unrouted-listener": "A gateway or a listener has no route.",
  "no-common-hostname": "A route serves nothing where it is attached, because no hostname is in both.",
  "never-handed-over": "A listener waits for connections of other listeners, and none of them hands any over.",
  "no-original-destination": "Requests shall go on to where they wanted to, and nothing tells Envoy where that is.",
  "no-upgrade-allowed":
    "A listener takes requests that change their protocol over HTTP/2, and no rule of it allows any.",
  "auto-stays-on-tcp":
    "Envoy shall learn from answers that a service takes HTTP/3, and the listener replaces what they say.",
  "double-tls": "Connections that pass through encrypted are encrypted once more on their way to a service.",
  "sticky-without-requests":
    "A split keeps users with their backend, and only routes of TCP or TLS use it, which know no users.",
  "default-beyond-limit": "A split gives a backend a larger share by default than its limit lets anybody set.",
  "live-limit-unheard": "Limits are to change live, and no group of nodes has the runtime layer that tells Envoys.",
  "login-path-unrouted": "No rule with a login takes the path that people come back to, or that logs them out.",
  "on-demand-never-asked": "A group has its clusters on demand, and no listener whose requests would ask for them.",
  "drain-times-differ": "Gateways of one group name different drain times, and an Envoy has one.",
  "grpc-client-ignores": "gRPC clients take no notice of something that Envoys would do.",
  "grpc-client-refuses": "gRPC clients refuse a service that they are led to.",
  "grpc-wrong-protocol": "A rule sends gRPC to a service that is spoken to in HTTP/1.",
  "receiver-not-grpc": "Logs, spans or questions of a filter are sent over gRPC to a service that speaks HTTP/1.1.",
  "jwks-tls-differs":
    "The keys that tokens are checked with (JWKS) are fetched with TLS, and their address says without; or the other way round.",
  "untraced-rule": "A rule or policy says how requests are traced, and no gateway traces any.",
  "cluster-recreated": "A change makes Envoy build a cluster anew, which forgets what it knew.",
  "extension-changed": "A change brings other code to the Envoys, or another filter that Fairway does not know.",
  "never-matches": "A match that no request can meet.",
  "literal-format": "A header value looks like one of Envoy's formats, and is sent as it is.",
  "literal-glob": "A text looks like a pattern, and patterns are not supported there.",
  "unused-definition": "Something is defined and used by nothing.",
  "invalid-secret": "A certificate, key or list of who may come in cannot be used, or a pair does not belong together.",
  "secret-missing": "A secret names a key of etcd that does not exist.",
  "invalid-descriptor-set": "A descriptor set of gRPC services cannot be used.",
  "invalid-jwks": "The keys that tokens are checked with (JWKS) cannot be used.",
  "live-weights": "Weights that were set while everything runs do not fit the split of the files.",
  "certificate-dates": "A certificate has expired, expires soon, or is not valid yet.",
  "invalid-lua": "A Lua script cannot be loaded, or does nothing.",
  "invalid-wasm": "A file is no WebAssembly module that Envoy could run.",
  "certificate-hostnames": "A listener is for hostnames that its certificate is not for.",
  "invalid-regex": "A regular expression of an Envoy resource is none that RE2 takes.",
  "malformed-address": "An address of an Envoy resource must be an IP address, and is not.",
  "filter-chain-conflict": "Two filter chains of a listener match the same connections.",
  "filter-order": "The last filter of a chain does not end it, or another one does.",
  "wrong-extension": "An Envoy extension stands in a place for another kind.",
  "duplicate-domain": "A domain is claimed twice in a route configuration.",
  "invalid-weights": "The weights of the clusters of a route select nothing.",
  "protected-header": "A route changes a header that Envoy lets no route change.",
  "invalid-format": "A format string has a percent sign that begins no command.",
  "envoy-refused": "Envoy refuses a resource that fits its type.",
  "too-many-problems": "There are more problems than are shown; the rest is only counted.",
} as const satisfies Record<string, string> & Record<SourceProblemCode, string>;

/** The name of a kind of problem. */
export type DiagnosticCode = keyof typeof diagnosticCodes;
