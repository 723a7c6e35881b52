/**
 * The policy of a subset: its own blocks over the service's, field by field, also in maps inside of a block.
 *
 * What belongs to another choice than the subset's does not come along: a subset that names its own load
 * balancing policy leaves the fields of the service's policy behind. The keys come out in lowerCamelCase
 * whatever spelling was used.
 */
import { camelCase } from "./position.ts";
import type { ServiceValue, SubsetValue } from "./schema.ts";
import { defaultPolicy, fieldPolicies } from "./schema-load-balancer.ts";

type WrittenPolicy = Pick<
  ServiceValue,
  "connectTimeout" | "loadBalancer" | "circuitBreaker" | "outlierDetection" | "healthCheck" | "connection" | "tls"
>;
type WrittenBalancer = NonNullable<WrittenPolicy["loadBalancer"]>;
type SlowStartBlock = Exclude<NonNullable<WrittenBalancer["slowStart"]>, string>;

/** The policy part of a service or subset; a slow start that was written as a text is its window. */
export type PolicyValue = Omit<WrittenPolicy, "loadBalancer"> & { readonly loadBalancer?: LoadBalancerValue };
export type LoadBalancerValue = Omit<WrittenBalancer, "slowStart"> & { readonly slowStart?: SlowStartBlock };
type CircuitBreakerValue = NonNullable<PolicyValue["circuitBreaker"]>;
type ThresholdsValue = NonNullable<CircuitBreakerValue["high"]>;
type HealthCheckValue = NonNullable<PolicyValue["healthCheck"]>;

const checkKinds = ["http", "tcp", "grpc"] as const;

/** The policy keys of a service, in lowerCamelCase. */
export function policyOf(value: ServiceValue | SubsetValue): PolicyValue {
  const { connectTimeout, loadBalancer, circuitBreaker, outlierDetection, healthCheck, connection, tls } =
    camelKeys(value);
  return {
    ...(connectTimeout === undefined ? {} : { connectTimeout }),
    ...(loadBalancer === undefined ? {} : { loadBalancer: camelBalancer(loadBalancer) }),
    ...(circuitBreaker === undefined ? {} : { circuitBreaker: camelBlock(circuitBreaker) }),
    ...(outlierDetection === undefined ? {} : { outlierDetection: camelBlock(outlierDetection) }),
    ...(healthCheck === undefined ? {} : { healthCheck: camelBlock(healthCheck) }),
    ...(connection === undefined ? {} : { connection: camelBlock(connection) }),
    ...(tls === undefined ? {} : { tls: camelBlock(tls) }),
  };
}

/** What holds for a subset. */
export function mergePolicy(service: PolicyValue, subset: PolicyValue): PolicyValue {
  const loadBalancer = merged(leaveOtherPolicy(service.loadBalancer, subset.loadBalancer), subset.loadBalancer);
  const circuitBreaker = merged(leaveOtherLimit(service.circuitBreaker, subset.circuitBreaker), subset.circuitBreaker);
  const outlierDetection = merged(service.outlierDetection, subset.outlierDetection);
  const tls = merged(leaveOtherVerification(service.tls, subset.tls), subset.tls);
  const healthCheck = merged(leaveOtherCheck(service.healthCheck, subset.healthCheck), subset.healthCheck);
  const connection = merged(service.connection, subset.connection);
  return {
    ...service,
    ...subset,
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
    ...(circuitBreaker === undefined ? {} : { circuitBreaker }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(connection === undefined ? {} : { connection }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** Maps are merged, everything else is replaced. */
function merged<T extends object>(outer: T | undefined, inner: T | undefined): T | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer;
  const result = new Map<string, unknown>(Object.entries(outer));
  for (const [key, value] of Object.entries(inner)) {
    const before = result.get(key);
    result.set(key, isMap(before) && isMap(value) ? merged(before, value) : value);
  }
  return Object.fromEntries(result) as T;
}

/** Without the fields that have no meaning for the subset's own policy. */
function leaveOtherPolicy(
  outer: LoadBalancerValue | undefined,
  inner: LoadBalancerValue | undefined,
): LoadBalancerValue | undefined {
  if (outer === undefined) return undefined;
  const policy = inner?.policy;
  const other =
    inner?.zoneAware !== undefined ? "localityWeights" : inner?.localityWeights !== undefined ? "zoneAware" : undefined;
  const left = other === undefined ? outer : without(outer, (field) => field === other);
  if (policy === undefined || policy === (outer.policy ?? defaultPolicy)) return left;
  return without(left, (field) => fieldPolicies[field]?.includes(policy) === false);
}

/** `maxRetries` and `retryBudget` limit the same; a subset that writes one does without the service's other. */
function leaveOtherLimit(
  outer: CircuitBreakerValue | undefined,
  inner: CircuitBreakerValue | undefined,
): CircuitBreakerValue | undefined {
  if (outer === undefined) return undefined;
  const left = leaveOverruled(leaveOtherOfOne(outer, inner), inner);
  if (left.high === undefined) return left;
  return { ...left, high: leaveOverruled(leaveOtherOfOne(left.high, inner?.high), inner?.high) };
}

function leaveOtherOfOne<T extends ThresholdsValue>(outer: T, inner: ThresholdsValue | undefined): T {
  if (inner?.retryBudget !== undefined) return without(outer, (field) => field === "maxRetries");
  return inner?.maxRetries === undefined ? outer : without(outer, (field) => field === "retryBudget");
}

/** What a subset limits itself is not overruled by what the service has over its own limits. */
function leaveOverruled<T extends ThresholdsValue>(outer: T, inner: ThresholdsValue | undefined): T {
  if (outer.live === undefined || inner === undefined) return outer;
  const own = inner.retryBudget === undefined ? inner : { ...inner, maxRetries: 0 };
  return { ...outer, live: without(outer.live, (field) => Object.hasOwn(own, field)) };
}

/** A subset that names a kind of check replaces the service's kind; two kinds at once mean nothing. */
function leaveOtherCheck(
  outer: HealthCheckValue | undefined,
  inner: HealthCheckValue | undefined,
): HealthCheckValue | undefined {
  if (outer === undefined || checkKinds.every((kind) => inner?.[kind] === undefined)) return outer;
  return without(outer, (field) => (checkKinds as readonly string[]).includes(field));
}

/** A subset that does not verify has no use for the service's authorities, and one that has its own does verify. */
function leaveOtherVerification(
  outer: PolicyValue["tls"] | undefined,
  inner: PolicyValue["tls"] | undefined,
): PolicyValue["tls"] | undefined {
  if (outer === undefined) return undefined;
  if (inner?.verify === "none") return without(outer, (field) => field === "ca" || field === "subjectAltNames");
  return inner?.ca === undefined ? outer : without(outer, (field) => field === "verify");
}

function without<T extends object>(block: T, leaves: (field: string) => boolean): T {
  return Object.fromEntries(Object.entries(block).filter(([field]) => !leaves(field))) as T;
}

function camelBalancer(block: WrittenBalancer): LoadBalancerValue {
  const { slowStart, ...rest } = camelBlock(block);
  if (slowStart === undefined) return rest;
  return { ...rest, slowStart: typeof slowStart === "string" ? { window: slowStart } : slowStart };
}

/** The block and the maps in it. Lists stay: their items have one spelling. */
function camelBlock<T extends object>(block: T): T {
  const camel = camelKeys(block);
  for (const key of Object.keys(camel) as (keyof T)[]) {
    const value = camel[key];
    if (isMap(value)) camel[key] = camelBlock(value);
  }
  return camel;
}

function camelKeys<T extends object>(value: T): T {
  const camel: Record<string, unknown> = {};
  for (const key of Object.keys(value)) camel[camelCase(key)] = value[key as keyof T];
  return camel as T;
}

function isMap(value: unknown): value is object {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
