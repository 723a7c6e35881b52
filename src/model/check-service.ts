/**
 * What the schema cannot say about one service: endpoints that are written twice, subsets that select
 * nothing, and policies that make sense only together with the service's.
 */
import { checkHttp3, checkHttp3Policy } from "./check-http3.ts";
import { checkLoadBalancer } from "./check-load-balancer.ts";
import { checkServiceTls } from "./check-service-tls.ts";
import { closestName } from "./closest-name.ts";
import { mergePolicy, policyOf } from "./merge-policy.ts";
import type { PolicyValue } from "./merge-policy.ts";
import type { Path, Problem } from "./position.ts";
import type { ServiceValue } from "./schema.ts";

/** The problems of one service that fits its schema. */
export function checkService(path: Path, service: ServiceValue): readonly Problem[] {
  const policy = policyOf(service);
  const problems = [
    ...sourcesOfHosts(path, service),
    ...repeatedEndpoints(path, service),
    ...streamsWithoutHttp2(path, service.protocol, policy),
    ...checkHttp3(path, service, policy),
    ...checkHttp3Policy(path, service.protocol, policy),
    ...grpcCheckWithoutHttp2(path, service.protocol, policy),
    ...twoRetryLimits(path, policy),
    ...unknownLocalities(path, service, policy),
    ...checkPolicy(path, policy),
  ];
  for (const [name, subset] of Object.entries(service.subsets ?? {})) {
    const subsetPath = [...path, "subsets", name];
    if (service.endpoints !== undefined && subset.fallback === undefined) {
      problems.push(...emptySubset(subsetPath, service.endpoints, subset.labels));
    }
    problems.push(...checkFallback([...subsetPath, "fallback"], name, service.subsets ?? {}));
    const own = policyOf(subset);
    problems.push(...twoRetryLimits(subsetPath, own));
    problems.push(...unknownLocalities(subsetPath, service, own));
    problems.push(...streamsWithoutHttp2(subsetPath, service.protocol, own));
    problems.push(...checkHttp3Policy(subsetPath, service.protocol, own));
    problems.push(...grpcCheckWithoutHttp2(subsetPath, service.protocol, own));
    if (own.healthCheck !== undefined || own.loadBalancer !== undefined || own.tls !== undefined) {
      problems.push(...checkPolicy(subsetPath, mergePolicy(policy, own)));
    }
  }
  return problems;
}

function* sourcesOfHosts(path: Path, service: ServiceValue): Iterable<Problem> {
  const { endpoints, discovery, subsets } = service;
  if (endpoints === undefined && discovery === undefined) {
    const hint = "write `endpoints: []` for a service that has no hosts for now";
    yield { code: "missing-key", message: "a service needs `endpoints` or `discovery`", hint, path, at: "key" };
  }
  if (discovery === undefined) return;
  const discovered = [...path, "discovery"];
  const [first, ...others] = (["dns", "etcd", "originalDestination"] as const).filter(
    (way) => discovery[way] !== undefined,
  );
  if (first === undefined) {
    const hint =
      "write `dns: db.internal:5432`, `etcd: {}` for instances that register, or `originalDestination: {}` for wherever a redirected connection wanted to go";
    const message = "`discovery` needs `dns`, `etcd` or `originalDestination`";
    yield { code: "missing-key", message, hint, path: discovered, at: "key" };
  }
  for (const other of others) {
    const message = `\`discovery\` has \`${first}\` or \`${other}\`, not both`;
    const hint = "keep one of them; a split can send requests to both, each as a service of its own";
    yield { code: "invalid-value", message, hint, path: [...discovered, other], at: "key" };
  }
  if (discovery.originalDestination !== undefined) yield* withoutHosts(path, service);
  if (endpoints !== undefined) {
    const message = "a service has `endpoints` or `discovery`, not both";
    const hint = "keep one of them; a split can send requests to both, each as a service of its own";
    yield { code: "invalid-value", message, hint, path: [...path, "discovery"], at: "key" };
  }
  for (const key of ["zoneAware", "localityWeights"] as const) {
    if (discovery.dns === undefined || policyOf(service).loadBalancer?.[key] === undefined) continue;
    const message = `\`${key}\` needs endpoints with a locality, and what is found by DNS has none`;
    const hint = "remove it, or write `endpoints`";
    yield { code: "invalid-value", message, hint, path: [...path, "loadBalancer", key], at: "key" };
  }
  if (subsets !== undefined && discovery.dns !== undefined) {
    const message = "a service that is found by DNS has no subsets: its hosts have no labels";
    const hint = "make a service of each name; a split or weighted backends divide the requests among them";
    yield { code: "invalid-value", message, hint, path: [...path, "subsets"], at: "key" };
  }
}

/** What is about hosts that somebody knows beforehand. */
function* withoutHosts(path: Path, service: ServiceValue): Iterable<Problem> {
  const policy = policyOf(service);
  const written = { loadBalancer: policy.loadBalancer, healthCheck: policy.healthCheck, subsets: service.subsets };
  for (const [key, value] of Object.entries(written)) {
    if (value === undefined) continue;
    const message = `\`${key}\` has no meaning for \`originalDestination\`: the connection itself says which host it wants`;
    const hint = "remove it, or write a service with `endpoints` and a route to it";
    yield { code: "invalid-value", message, hint, path: [...path, key], at: "key" };
  }
}

function* repeatedEndpoints(path: Path, service: ServiceValue): Iterable<Problem> {
  const seen = new Set<string>();
  for (const [index, endpoint] of (service.endpoints ?? []).entries()) {
    const address = typeof endpoint === "string" ? endpoint : endpoint.address;
    if (seen.has(address)) {
      const message = `the endpoint ${address} is listed twice`;
      const at = typeof endpoint === "string" ? [index] : [index, "address"];
      const hint = "use `weight` to give an endpoint a larger share";
      yield { code: "duplicate-name", message, hint, path: [...path, "endpoints", ...at], at: "value" };
    }
    seen.add(address);
  }
}

type SubsetValues = NonNullable<ServiceValue["subsets"]>;

function* checkFallback(path: Path, name: string, subsets: SubsetValues): Iterable<Problem> {
  const fallback = subsets[name]?.fallback;
  if (fallback === undefined) return;
  if (!Object.hasOwn(subsets, fallback)) {
    const near = closestName(fallback, Object.keys(subsets));
    const hint = near === undefined ? `its subsets: ${Object.keys(subsets).join(", ")}` : `did you mean \`${near}\`?`;
    const message = `the service has no subset \`${fallback}\``;
    yield { code: "dangling-reference", message, hint, path, at: "value" };
    return;
  }
  const seen = new Set<string>();
  for (let next: string | undefined = fallback; next !== undefined; next = subsets[next]?.fallback) {
    if (next === name) {
      const message = `the fallback of \`${name}\` leads back to it`;
      const hint = "let the subset that everything depends on, such as `stable`, have no fallback";
      yield { code: "invalid-value", message, hint, path, at: "value" };
      return;
    }
    // A circle of others is told at them.
    if (seen.has(next)) return;
    seen.add(next);
  }
}

/** Only a warning: a subset waits empty for its first deployment. */
function* emptySubset(
  path: Path,
  endpoints: NonNullable<ServiceValue["endpoints"]>,
  labels: Readonly<Record<string, string>>,
): Iterable<Problem> {
  const wanted = Object.entries(labels);
  const selects = endpoints.some(
    (endpoint) =>
      wanted.length === 0 ||
      (typeof endpoint !== "string" && wanted.every(([key, value]) => endpoint.labels?.[key] === value)),
  );
  if (selects) return;
  const text = wanted.map(([key, value]) => `${key}=${value}`).join(", ");
  yield {
    code: "empty-subset",
    severity: "warning",
    message: `no endpoint has the labels of subset \`${path.at(-1)}\` (${text})`,
    hint: "requests to it are answered with 503 until an endpoint has them",
    path: [...path, "labels"],
    at: "value",
  };
}

/** Where hosts register, nobody knows where they are until they have. */
function* unknownLocalities(path: Path, { endpoints }: ServiceValue, { loadBalancer }: PolicyValue): Iterable<Problem> {
  if (endpoints === undefined) return;
  const known = new Set(
    endpoints.flatMap((endpoint) => (typeof endpoint === "string" ? [] : (endpoint.locality ?? []))),
  );
  for (const locality of Object.keys(loadBalancer?.localityWeights ?? {})) {
    if (known.has(locality)) continue;
    const near = closestName(locality, known);
    yield {
      code: "unknown-locality",
      severity: "warning",
      message: `no endpoint is in \`${locality}\`, so that its weight has no effect`,
      hint:
        near === undefined
          ? `endpoints are in: ${[...known].join(", ") || "no locality at all"}`
          : `did you mean \`${near}\`?`,
      path: [...path, "loadBalancer", "localityWeights", locality],
      at: "key",
    };
  }
}

function* checkPolicy(path: Path, policy: PolicyValue): Iterable<Problem> {
  const { healthCheck, loadBalancer, tls } = policy;
  if (healthCheck !== undefined && !healthCheck.http && !healthCheck.tcp && !healthCheck.grpc) {
    const hint = "write `http: { path: /healthz }`, `tcp: {}` or `grpc: {}`";
    const message = "a health check needs one of http, tcp and grpc";
    yield { code: "missing-key", message, hint, path: [...path, "healthCheck"], at: "key" };
  }
  if (tls !== undefined) yield* checkServiceTls([...path, "tls"], tls);
  if (loadBalancer !== undefined) yield* checkLoadBalancer([...path, "loadBalancer"], loadBalancer);
}

function* streamsWithoutHttp2(
  path: Path,
  protocol: ServiceValue["protocol"],
  { connection }: PolicyValue,
): Iterable<Problem> {
  if (connection?.maxConcurrentStreams === undefined || (protocol !== undefined && protocol !== "http1")) return;
  const message = "`maxConcurrentStreams` belongs to HTTP/2, and the service speaks HTTP/1.1: one request at a time";
  const hint = "write `protocol: http2`, or limit `circuitBreaker: { perEndpoint: { maxConnections: … } }`";
  yield { code: "invalid-value", message, hint, path: [...path, "connection", "maxConcurrentStreams"], at: "key" };
}

/** HTTP/2 are `grpc` and `http2`, and `auto`, which asks for it. */
function* grpcCheckWithoutHttp2(
  path: Path,
  protocol: ServiceValue["protocol"] = "http1",
  { healthCheck }: PolicyValue,
): Iterable<Problem> {
  if (healthCheck?.grpc === undefined || protocol === "grpc" || protocol === "http2" || protocol === "auto") return;
  const isQuic = protocol === "http3";
  const message = `gRPC's health protocol needs HTTP/2, and the service speaks ${isQuic ? "HTTP/3" : "HTTP/1.1"}: Envoy refuses the cluster`;
  const hint = isQuic
    ? "write `http: { path: … }`, which is asked over TCP and TLS on the same port"
    : "write `protocol: grpc` at the service, or check it by `http: { path: … }` or `tcp: {}`";
  yield { code: "invalid-value", message, hint, path: [...path, "healthCheck", "grpc"], at: "key" };
}

/** Of what stands in one place; a subset that writes one of them does without its service's other. */
function* twoRetryLimits(path: Path, { circuitBreaker }: PolicyValue): Iterable<Problem> {
  const breaker = [...path, "circuitBreaker"];
  for (const { block, at } of [
    { block: circuitBreaker, at: breaker },
    { block: circuitBreaker?.high, at: [...breaker, "high"] },
  ]) {
    if (block?.retryBudget === undefined) continue;
    const message = "Envoy ignores `maxRetries` where there is a `retryBudget`";
    const problem = { code: "invalid-value", message, hint: "keep one of them", at: "key" } as const;
    if (block.maxRetries !== undefined) yield { ...problem, path: [...at, "maxRetries"] };
    if (block.live?.maxRetries !== undefined) yield { ...problem, path: [...at, "live", "maxRetries"] };
  }
}
