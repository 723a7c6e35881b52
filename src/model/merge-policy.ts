/**
 * The policy of a subset: its own blocks over the service's, field by field.
 *
 * The keys come out in lowerCamelCase whatever spelling was used.
 */
import { camelCase } from "./position.ts";
import type { ServiceValue, SubsetValue } from "./schema.ts";

/** The policy part of a service or subset. */
export type PolicyValue = Pick<
  ServiceValue,
  "connectTimeout" | "loadBalancer" | "circuitBreaker" | "outlierDetection" | "healthCheck"
>;

const checkKinds = ["http", "tcp", "grpc"] as const;

/** The policy keys of a service, in lowerCamelCase. */
export function policyOf(value: ServiceValue | SubsetValue): PolicyValue {
  const { connectTimeout, loadBalancer, circuitBreaker, outlierDetection, healthCheck } = camelKeys(value);
  return {
    ...(connectTimeout === undefined ? {} : { connectTimeout }),
    ...(loadBalancer === undefined ? {} : { loadBalancer: camelKeys(loadBalancer) }),
    ...(circuitBreaker === undefined ? {} : { circuitBreaker: camelKeys(circuitBreaker) }),
    ...(outlierDetection === undefined ? {} : { outlierDetection: camelKeys(outlierDetection) }),
    ...(healthCheck === undefined ? {} : { healthCheck: camelHealthCheck(healthCheck) }),
  };
}

/** What holds for a subset. */
export function mergePolicy(service: PolicyValue, subset: PolicyValue): PolicyValue {
  const healthCheck = mergeHealthCheck(service.healthCheck, subset.healthCheck);
  return {
    ...service,
    ...subset,
    ...merged("loadBalancer", service.loadBalancer, subset.loadBalancer),
    ...merged("circuitBreaker", service.circuitBreaker, subset.circuitBreaker),
    ...merged("outlierDetection", service.outlierDetection, subset.outlierDetection),
    ...(healthCheck === undefined ? {} : { healthCheck }),
  };
}

function merged<K extends string, T extends object>(
  key: K,
  outer: T | undefined,
  inner: T | undefined,
): { readonly [k in K]?: T } {
  if (outer === undefined && inner === undefined) return {};
  return { [key]: { ...outer, ...inner } } as { readonly [k in K]?: T };
}

type HealthCheckValue = NonNullable<PolicyValue["healthCheck"]>;

/** A subset that names a kind of check replaces the service's kind; two kinds at once mean nothing. */
function mergeHealthCheck(
  outer: HealthCheckValue | undefined,
  inner: HealthCheckValue | undefined,
): HealthCheckValue | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer;
  const result = { ...outer, ...inner };
  const own = checkKinds.find((kind) => inner[kind] !== undefined);
  if (own === undefined) return result;
  for (const kind of checkKinds) if (kind !== own) delete result[kind];
  return result;
}

function camelHealthCheck(check: HealthCheckValue): HealthCheckValue {
  const result = camelKeys(check);
  return {
    ...result,
    ...(result.http === undefined ? {} : { http: camelKeys(result.http) }),
    ...(result.grpc === undefined ? {} : { grpc: camelKeys(result.grpc) }),
  };
}

function camelKeys<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [camelCase(key), item])) as T;
}
