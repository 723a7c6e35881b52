/**
 * `loadBalancer` of a service and a subset: how Envoy chooses a host for a request.
 *
 * A field that belongs to some policies only is a row of `fieldPolicies`; whether it stands beside one of
 * them is checked where a subset's block is merged with its service's.
 */
import * as z from "zod";
import { block, count, exactlyOne, policyBlock, refuse, scalar, WEIGHT_MAX } from "./schema-scalars.ts";

/** Envoy's names. */
const policies = ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV"] as const;
type LoadBalancerPolicy = (typeof policies)[number];

/** What Envoy does with a service that names no policy. */
export const defaultPolicy: LoadBalancerPolicy = "ROUND_ROBIN";
/** The policies that send equal requests to the same host. */
export const hashPolicies: readonly LoadBalancerPolicy[] = ["RING_HASH", "MAGLEV"];

/** The policies that a field belongs to; one that is absent here belongs to all. */
export const fieldPolicies: Readonly<Record<string, readonly LoadBalancerPolicy[]>> = {
  choiceCount: ["LEAST_REQUEST"],
  hashOn: hashPolicies,
  ringHash: ["RING_HASH"],
  maglev: ["MAGLEV"],
  slowStart: ["ROUND_ROBIN", "LEAST_REQUEST"],
  zoneAware: ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"],
};

/** Envoy's own bounds (envoy.extensions.load_balancing_policies); a ring may grow to the largest unless told otherwise. */
export const RING_SIZE_MAX = 8_388_608;
/** Envoy's default for the smallest ring. */
export const RING_SIZE_MIN_DEFAULT = 1_024;
const TABLE_SIZE_MAX = 5_000_011;
/** More keys than anybody has reasons for. */
const HASH_KEYS_MAX = 16;

const cookieKey = z
  .union([
    scalar("cookieName"),
    block({
      name: scalar("cookieName").describe("The name of the cookie."),
      ttl: scalar("duration").optional().meta({
        description: "Envoy sets the cookie when a request has none; 0s until the browser closes. Never when absent.",
      }),
      path: scalar("urlPath").optional().meta({ description: "The path of the cookie that Envoy sets." }),
    }),
  ])
  .meta({ examples: ["session", { name: "session", ttl: "1h", path: "/" }] });

const hashKey = exactlyOne({
  header: scalar("headerName").optional().describe("The value of a header."),
  cookie: cookieKey.optional().describe("The value of a cookie."),
  queryParam: scalar("text").optional().describe("The value of a query parameter."),
  sourceIp: z.literal(true).optional().meta({ description: "The address that the connection comes from." }),
});

const hashOn = z
  .array(hashKey)
  .min(1)
  .max(HASH_KEYS_MAX)
  .meta({
    description: "Requests that are equal in this go to the same host; the first that a request has is used.",
    examples: [[{ header: "x-user" }, { sourceIp: true }]],
  });

const ringSize = z.int().min(1).max(RING_SIZE_MAX);

const tableSize = z
  .int()
  .min(2)
  .max(TABLE_SIZE_MAX)
  .superRefine((size, context) => {
    if (isPrime(size)) return;
    const hint = "for example 65537, which is Envoy's own; larger tables are more even and take longer to make";
    refuse(context, { code: "invalid-value", message: `${size} is not a prime number`, hint });
  })
  .meta({ description: "A prime number; Envoy's default is 65537." });

const slowStart = z
  .union([
    scalar("positiveDuration"),
    policyBlock({
      window: scalar("positiveDuration").describe("How long a host counts as new."),
      aggression: z.number().positive().max(1_000).optional().meta({
        description: "1 is a straight line and Envoy's default; above it most of the increase comes early.",
      }),
      minWeightPercent: z.number().min(0).max(100).optional().meta({
        description: "What a new host gets at least; Envoy's default is 10.",
      }),
    }),
  ])
  .meta({
    description: "A new host gets its full share only after this time.",
    examples: ["60s", { window: "60s", aggression: 2, minWeightPercent: 5 }],
  });

const zoneAware = policyBlock({
  routingEnabled: z.number().min(0).max(100).optional().meta({
    description: "For how many percent of the requests zones count; 100 when absent.",
  }),
  minClusterSize: count.optional().describe("With fewer endpoints zones do not count; 6 when absent."),
  failTrafficOnPanic: z.boolean().optional().meta({
    description: "With too few healthy endpoints fail requests, instead of sending them to all.",
  }),
}).meta({
  description: "Endpoints in the Envoy's own zone come first, as far as all together stay evenly loaded.",
  examples: [{}, { minClusterSize: 2 }],
});

const localityWeights = z
  .record(scalar("locality"), z.int().min(1).max(WEIGHT_MAX))
  .superRefine((weights, context) => {
    if (Object.keys(weights).length > 0) return;
    const hint = "write `{ eu/a: 80, eu/b: 20 }`, or remove it";
    refuse(context, { code: "missing-key", message: "no locality has a weight", hint });
  })
  .meta({
    description: "The share of each locality among those of its priority; 1 where none is written.",
    examples: [{ "eu/a": 80, "eu/b": 20 }],
  });

/** Envoy's default is 140; far more is a mistake of somebody who wanted percent of something else. */
const OVERPROVISIONING_MAX = 10_000;

export const loadBalancerSchema = policyBlock({
  policy: z.enum(policies).optional().meta({ description: "Envoy's load balancing policy; ROUND_ROBIN when absent." }),
  choiceCount: z
    .int()
    .min(2)
    .max(1_000)
    .optional()
    .meta({ description: "How many random hosts LEAST_REQUEST compares; Envoy's default is 2." }),
  healthyPanicThreshold: z.number().min(0).max(100).optional().meta({
    description: "Below this percentage of healthy hosts Envoy balances over all of them; 0 switches that off.",
  }),
  hashOn: hashOn.optional(),
  ringHash: policyBlock({
    minimumRingSize: ringSize.optional().describe("At least so many places; more are more even."),
    maximumRingSize: ringSize.optional().describe("At most so many places."),
  })
    .optional()
    .meta({ description: "The size of the ring of RING_HASH; Envoy's defaults are 1024 and 8388608." }),
  maglev: policyBlock({ tableSize: tableSize.optional() })
    .optional()
    .meta({ description: "The size of the table of MAGLEV." }),
  slowStart: slowStart.optional(),
  zoneAware: zoneAware.optional(),
  localityWeights: localityWeights.optional(),
  overprovisioningFactor: z.int().min(100).max(OVERPROVISIONING_MAX).optional().meta({
    description: "How much more than its share a priority or locality can take, in percent; 140 when absent.",
  }),
}).meta({ description: "How a host is chosen.", examples: [{ policy: "LEAST_REQUEST", choiceCount: 3 }] });

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false;
  return value >= 2;
}
