/**
 * Each policy on its own: what is written in the config for it, and the requests that it is measured with.
 *
 * Nothing fails and nothing is refused in any of them, so what is measured is what the policy costs on the
 * way of a request that goes through.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { AskedService } from "./asked-services.ts";
import { CERTIFIED_NAME, exampleCertificate } from "./certificates.ts";
import type { LoadTarget } from "./load-orders.ts";

/** One row of the table of policies; what is absent is as it is in `none`. */
export interface PolicyCase {
  readonly name: string;
  /** Of the gateway, beside its listener. */
  readonly gateway?: object;
  /** Of the listener, beside name, address and port. */
  readonly listener?: object;
  /** Of the service, beside its endpoints. */
  readonly service?: object;
  /** Of the rule, beside its backends. */
  readonly rule?: object;
  /** Rules before the one that takes the requests. */
  readonly otherRules?: readonly object[];
  /** The case that it is compared with; `none` when absent. */
  readonly base?: string;
  /** Whether requests go to the backend that wants a client certificate. */
  readonly mtlsBackend?: boolean;
  /** A service that must have been asked, or what was measured is not this policy. */
  readonly asks?: AskedService;
  /** What requests are like. */
  readonly request?: Omit<LoadTarget, "port">;
}

const signer = createSigner();
const certificate = exampleCertificate();
const authorized = { headers: { authorization: `Bearer ${signer.token}` } };
const jwt = { issuer: "bench", jwks: { inline: signer.jwks } };
const clientTls = { ca: certificate.ca, serverName: CERTIFIED_NAME };
const https = (tls: object) => ({ protocol: "HTTPS", tls: { secret: "bench", ...tls } });
const accessLog = (log: object) => ({ accessLogs: [{ file: "/dev/null", ...log }] });
const tracing = (samplingRate: number) => ({
  tracing: { provider: { grpc: { service: "collector" } }, samplingRate },
});
const filters = (...list: readonly object[]) => ({ rule: { filters: list } });
const gzip = { headers: { "accept-encoding": "gzip" } };
const brotli = { headers: { "accept-encoding": "br" } };
const origin = { headers: { origin: "https://app.example.com" } };
const post = { method: "POST", body: JSON.stringify({ id: 42, name: "an item" }) } as const;
const neverFull = { requests: 10_000_000, per: "1s" };

/** What all others are compared with unless they say otherwise. */
export const noPolicy: PolicyCase = { name: "none" };

/** Beside that; the first has nothing either, so what it seems to add is what such a measurement is wrong by. */
const policyCases: readonly PolicyCase[] = [
  { name: "none-again" },
  {
    name: "100-rules",
    otherRules: Array.from({ length: 99 }, (_, index) => ({
      name: `other-${index}`,
      matches: [{ path: `/a-longer-path-than-any-other/${index}` }],
      backends: [{ service: "none" }],
    })),
  },
  {
    name: "header-changes",
    ...filters(
      { requestHeaders: { set: { "x-env": "production" }, remove: ["x-debug"] } },
      { responseHeaders: { set: { "x-frame-options": "DENY" }, remove: ["x-powered-by"] } },
    ),
  },
  { name: "timeouts", rule: { timeouts: { request: "3s", backendRequest: "1s", idle: "60s" } } },
  { name: "retries", rule: { retry: { attempts: 2, on: ["5xx", "reset", "connect-failure"] } } },
  {
    name: "hedging",
    rule: {
      retry: { attempts: 1, on: ["5xx", "reset"], perTryTimeout: "1s", hedge: { onPerTryTimeout: true } },
    },
  },
  { name: "circuit-breaker", service: { circuitBreaker: { maxRequests: 500, retryBudget: { percent: 20 } } } },
  {
    name: "outlier-detection",
    service: { outlierDetection: { consecutive5xx: 5, interval: "10s", maxEjectionPercent: 34 } },
  },
  { name: "least-request", service: { loadBalancer: { policy: "LEAST_REQUEST" } } },
  {
    name: "ring-hash",
    service: { loadBalancer: { policy: "RING_HASH", hashOn: [{ header: "x-user" }] } },
    request: { headers: { "x-user": "ann" } },
  },
  { name: "mirror", ...filters({ mirror: { service: "none" } }) },
  { name: "access-log-json", gateway: accessLog({}) },
  { name: "access-log-text", gateway: accessLog({ text: "%START_TIME% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%" }) },
  { name: "access-log-errors", gateway: accessLog({ only: { errors: true, slowerThan: "10s" } }) },
  // Two spans a request; Envoy sends them by fives, so what sending costs is in the reading.
  { name: "tracing-1-percent", gateway: tracing(1), asks: "collector" },
  { name: "tracing-100-percent", gateway: tracing(100), asks: "collector" },
  { name: "cors", ...filters({ cors: { allowOrigins: ["https://app.example.com"] } }), request: origin },
  {
    name: "fault-not-hit",
    ...filters({ fault: { abort: { status: 503 }, headers: { "x-chaos": "on" } } }),
  },
  { name: "post", request: post },
  {
    name: "csrf",
    base: "post",
    ...filters({ csrf: { additionalOrigins: ["app.example.com"] } }),
    request: { ...origin, ...post },
  },
  { name: "jwt", ...filters({ jwt }), request: authorized },
  {
    name: "api-key",
    ...filters({ apiKey: { keys: ["keys"], from: { headers: ["x-api-key"] } } }),
    request: { headers: { "x-api-key": "9d5e2f1c7b3a48" } },
  },
  {
    name: "basic-auth",
    ...filters({ basicAuth: { users: "users" } }),
    request: { headers: { authorization: `Basic ${Buffer.from("ann:test").toString("base64")}` } },
  },
  {
    name: "authorization",
    ...filters({
      authorization: { rules: [{ action: "allow", clientCIDRs: ["10.0.0.0/8", "127.0.0.0/8"], methods: ["GET"] }] },
    }),
  },
  { name: "ext-auth-http", ...filters({ extAuth: { http: { service: "none" }, timeout: "5s" } }) },
  {
    name: "ext-auth-grpc",
    ...filters({ extAuth: { grpc: { service: "authorizer" }, timeout: "5s" } }),
    asks: "authorizer",
  },
  { name: "rate-limit", ...filters({ rateLimit: { local: neverFull } }) },
  {
    name: "rate-limit-clients",
    ...filters({ rateLimit: { local: { buckets: [{ each: { clientAddress: true }, ...neverFull }] } } }),
  },
  {
    name: "rate-limit-global",
    ...filters({
      rateLimit: {
        global: {
          service: "limiter",
          domain: "bench",
          timeout: "5s",
          descriptors: [[{ path: true }]],
          failOpen: false,
        },
      },
    }),
    asks: "limiter",
  },
  { name: "admission-control", ...filters({ admissionControl: {} }) },
  {
    name: "adaptive-concurrency",
    ...filters({ adaptiveConcurrency: { minRtt: { fixedValue: "1s", minConcurrency: 100 } } }),
  },
  {
    name: "request-limits",
    base: "post",
    ...filters({ requestLimits: { maxRequestBytes: 65_536 } }),
    request: post,
  },
  { name: "compression-gzip", ...filters({ compression: { algorithms: ["gzip"] } }), request: gzip },
  { name: "compression-brotli", ...filters({ compression: { algorithms: ["brotli"] } }), request: brotli },
  { name: "tls", listener: https({}), request: { tls: clientTls } },
  {
    name: "mtls",
    listener: https({ clientCa: "authority" }),
    request: { tls: { ...clientTls, cert: certificate.cert, key: certificate.key } },
  },
  {
    name: "mtls-to-backend",
    service: { tls: { ca: "authority", sni: CERTIFIED_NAME, clientCertificate: "bench" } },
    mtlsBackend: true,
  },
  {
    name: "usual",
    gateway: accessLog({}),
    service: {
      circuitBreaker: { maxRequests: 500, retryBudget: { percent: 20 } },
      outlierDetection: { consecutive5xx: 5, interval: "10s", maxEjectionPercent: 34 },
      loadBalancer: { policy: "LEAST_REQUEST" },
    },
    rule: {
      timeouts: { request: "3s" },
      retry: { attempts: 2, on: ["5xx", "reset", "connect-failure"] },
      filters: [{ rateLimit: { local: neverFull } }, { responseHeaders: { set: { "x-frame-options": "DENY" } } }],
    },
  },
];

export const policyNames: readonly string[] = policyCases.map(({ name }) => name);

/** Those that are named, behind what they are compared with. */
export function chosenCases(names: readonly string[]): readonly PolicyCase[] {
  const bases = new Set(
    policyCases.flatMap(({ name, base }) => (names.includes(name) && base !== undefined ? base : [])),
  );
  return [noPolicy, ...policyCases.filter(({ name }) => names.includes(name) || bases.has(name))];
}

/** What the secrets of these cases are, and the files behind them. */
export const policySecrets = {
  secrets: {
    bench: { certificate: { file: "bench.pem" }, privateKey: { file: "bench.key" } },
    authority: { ca: { file: "authority.pem" } },
    keys: { apiKeys: { file: "clients.keys" } },
    users: { users: { file: "users.htpasswd" } },
  },
  files: {
    "bench.pem": certificate.cert,
    "bench.key": certificate.key,
    "authority.pem": certificate.ca,
    "clients.keys": "acme:9d5e2f1c7b3a48\nglobex:5a7c9e1b3d6f80\n",
    // SHA-1 of "test".
    "users.htpasswd": "ann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n",
  },
};

/** A config with a gateway, a service and a route for each case, by its name. */
export function policiesConfig(
  cases: readonly { readonly policy: PolicyCase; readonly port: number }[],
  endpoints: { readonly well: readonly string[]; readonly mtls: readonly string[] },
  askedServices: Readonly<Record<string, object>>,
): object {
  const byName = (make: (policy: PolicyCase, port: number) => object) =>
    Object.fromEntries(cases.map(({ policy, port }) => [policy.name, make(policy, port)]));
  return {
    gateways: byName((policy, port) => ({
      listeners: [{ name: "http", address: "127.0.0.1", port, ...policy.listener }],
      ...policy.gateway,
    })),
    services: {
      ...byName((policy) => ({
        endpoints: policy.mtlsBackend === true ? endpoints.mtls : endpoints.well,
        ...policy.service,
      })),
      none: { endpoints: endpoints.well },
      ...askedServices,
    },
    routes: byName((policy) => ({
      gateways: [policy.name],
      rules: [...(policy.otherRules ?? []), { name: "all", backends: [{ service: policy.name }], ...policy.rule }],
    })),
    secrets: policySecrets.secrets,
  };
}

/** A key, and a token that it has signed, which is valid for a day. */
function createSigner(): { readonly jwks: string; readonly token: string } {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "bench", alg: "RS256", use: "sig" };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const expires = Math.floor((performance.timeOrigin + performance.now()) / 1_000) + 86_400;
  const text = `${part({ alg: "RS256", typ: "JWT", kid: "bench" })}.${part({ iss: "bench", sub: "ann", exp: expires })}`;
  return { jwks: JSON.stringify({ keys: [key] }), token: `${text}.${signature(text, privateKey)}` };
}

function signature(text: string, key: KeyObject): string {
  return sign("sha256", Buffer.from(text), key).toString("base64url");
}
