/**
 * From a checked `services` entry to a service of the intent.
 *
 * Endpoints are sorted by address: their order in the file has no meaning, so it must not make a version.
 */
import { assert } from "../support/assert.ts";
import { parseDnsAddress, parseEndpointAddress } from "./address.ts";
import { buildConnection } from "./build-connection.ts";
import { buildHealthCheck } from "./build-health-check.ts";
import { buildLoadBalancer } from "./build-load-balancer.ts";
import { durationMs, durationPattern, protoDuration } from "./duration.ts";
import type {
  CircuitBreaker,
  DnsDiscovery,
  Endpoint,
  OutlierDetection,
  Service,
  ServicePolicy,
  ServiceTls,
  Subset,
} from "./intent-service.ts";
import { mergePolicy, policyOf } from "./merge-policy.ts";
import type { PolicyValue } from "./merge-policy.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { ServiceValue } from "./schema.ts";
import { byName, defined, sortedRecord } from "./sort.ts";

/** Where instances register unless a service says otherwise. */
const REGISTRY_ROOT = "/services/";

type EndpointValue = NonNullable<ServiceValue["endpoints"]>[number];

/** Builds one service. */
export function buildService(document: SourceDocument, path: Path, value: ServiceValue): Service {
  const policy = policyOf(value);
  const own = buildPolicy(document, path, policy);
  const subsets = Object.entries(value.subsets ?? {}).map(([name, subset]): Subset => {
    const subsetPath = [...path, "subsets", name];
    const places = { document, path: subsetPath, fallback: path };
    const written = policyOf(subset);
    return {
      name,
      at: placeOf(document, subsetPath, "key"),
      labels: sortedRecord(subset.labels),
      ...(subset.fallback === undefined ? {} : { fallbacks: fallbacksOf(name, value.subsets ?? {}) }),
      policy: policyWithPlaces(places, mergePolicy(policy, written), written),
    };
  });
  const endpoints = (value.endpoints ?? []).map((endpoint, index) =>
    buildEndpoint(document, [...path, "endpoints", index], endpoint),
  );
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    ...defined({ protocol: value.protocol }),
    endpoints: endpoints.toSorted(byAddress),
    ...(value.discovery === undefined ? {} : buildDiscovery(String(path.at(-1)), value.discovery)),
    subsets: subsets.toSorted(byName),
    policy: own,
  };
}

/** The fallback of a fallback counts too; the check has seen that none leads back. */
function fallbacksOf(name: string, subsets: NonNullable<ServiceValue["subsets"]>): readonly string[] {
  const next = subsets[name]?.fallback;
  return next === undefined ? [] : [next, ...fallbacksOf(next, subsets)];
}

function buildDiscovery(
  service: string,
  { dns, etcd, originalDestination }: NonNullable<ServiceValue["discovery"]>,
): Pick<Service, "dns" | "registry" | "originalDestination"> {
  if (originalDestination !== undefined) return { originalDestination: defined({ port: originalDestination.port }) };
  if (dns !== undefined) return { dns: buildDns(dns) };
  return { registry: { prefix: etcd?.prefix ?? `${REGISTRY_ROOT}${service}/` } };
}

function buildEndpoint(document: SourceDocument, path: Path, value: EndpointValue): Endpoint {
  const block = typeof value === "string" ? { address: value } : value;
  const address = parseEndpointAddress(block.address);
  assert(address.ok, "the schema has checked the address");
  const [region, zone, subZone] = block.locality?.split("/") ?? [];
  return {
    at: placeOf(document, path, "value"),
    ...address.value,
    labels: sortedRecord(block.labels ?? {}),
    ...(region === undefined ? {} : { locality: { region, ...defined({ zone, subZone }) } }),
    ...defined({ weight: block.weight, priority: block.priority, health: block.health }),
  };
}

function buildDns(value: NonNullable<NonNullable<ServiceValue["discovery"]>["dns"]>): DnsDiscovery {
  const defaults = { mode: "strict", family: "v4-preferred" } as const;
  if (typeof value === "string") {
    const address = parseDnsAddress(value);
    assert(address.ok, "the schema has checked the address");
    return { ...defaults, name: address.value.host, port: address.value.port };
  }
  const { name, port, mode, refresh, family } = value;
  return {
    name,
    port,
    ...{ ...defaults, ...defined({ mode, family }) },
    ...(refresh === undefined ? {} : { refreshMs: durationMs(refresh) }),
  };
}

function byAddress(left: Endpoint, right: Endpoint): number {
  if (left.host !== right.host) return left.host < right.host ? -1 : 1;
  return left.port - right.port;
}

/** Where a policy block may be written: at the subset, else at its service. */
interface PolicyPlaces {
  readonly document: SourceDocument;
  readonly path: Path;
  readonly fallback: Path;
}

function buildPolicy(document: SourceDocument, path: Path, policy: PolicyValue): ServicePolicy {
  return policyWithPlaces({ document, path, fallback: path }, policy, policy);
}

/** `written` is what stands at `places.path`; blocks that it lacks are the service's. */
function policyWithPlaces(places: PolicyPlaces, policy: PolicyValue, written: PolicyValue): ServicePolicy {
  const at = (key: keyof PolicyValue) =>
    placeOf(places.document, [...(written[key] === undefined ? places.fallback : places.path), key], "key");
  const { connectTimeout, loadBalancer, circuitBreaker, outlierDetection, healthCheck, connection, tls } = policy;
  return {
    ...(connectTimeout === undefined ? {} : { connectTimeoutMs: durationMs(connectTimeout) }),
    ...(loadBalancer === undefined ? {} : { loadBalancer: buildLoadBalancer(loadBalancer) }),
    ...(circuitBreaker === undefined
      ? {}
      : { circuitBreaker: { at: at("circuitBreaker"), ...circuitBreaker } as CircuitBreaker }),
    ...(outlierDetection === undefined
      ? {}
      : { outlierDetection: { at: at("outlierDetection"), fields: outlierFields(outlierDetection) } }),
    ...(healthCheck === undefined ? {} : { healthCheck: { at: at("healthCheck"), ...buildHealthCheck(healthCheck) } }),
    ...(connection === undefined ? {} : { connection: { at: at("connection"), ...buildConnection(connection) } }),
    ...(tls === undefined ? {} : { tls: buildTls(tls) }),
  };
}

/** Without `ca` nothing is verified; the check has seen that somebody wrote so. */
function buildTls({ verify: _, ...rest }: NonNullable<PolicyValue["tls"]>): ServiceTls {
  return defined(rest);
}

function outlierFields(block: NonNullable<PolicyValue["outlierDetection"]>): OutlierDetection["fields"] {
  const fields: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(sortedRecord(block))) {
    if (value === undefined) continue;
    const isDuration = typeof value === "string" && durationPattern.test(value);
    fields[key] = isDuration ? protoDuration(durationMs(value)) : value;
  }
  return fields;
}
