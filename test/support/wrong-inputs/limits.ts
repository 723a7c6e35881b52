/**
 * Wrong inputs about how many requests go through, how large they are, and how answers are packed.
 */
import type { WrongInput } from "./row.ts";

/** A policy with one part; the value begins in line 2, behind the key at column 8. */
function policyOf(part: string, value: string): string {
  return `policies:\n  p: { ${part}: ${value} }\n`;
}

/** The value of `local` begins in line 3, column 12. */
function localOf(value: string): string {
  return `policies:\n  p: { rateLimit: {\n    local: ${value} } }\n`;
}

const limiter = `services: { limiter: { endpoints: [] } }\n`;

/** The descriptors begin in line 3, column 57. */
function globalOf(descriptors: string, services = ""): string {
  return `policies:\n  p: { rateLimit: {\n    global: { service: limiter, domain: d, descriptors: ${descriptors} } } }\n${services}`;
}

export const limits: readonly WrongInput[] = [
  ["a rate limit that counts nowhere", policyOf("rateLimit", "{}"), "missing-key 2:19"],
  ["a rate limit of nothing", localOf("{}"), "missing-key 3:12"],
  ["requests without a time", localOf("{ requests: 5 }"), "missing-key 3:24"],
  ["a time without requests", localOf("{ per: 1s }"), "missing-key 3:19"],
  ["a burst of nothing", localOf("{ burst: 3, buckets: [{ requests: 1, per: 1s }] }"), "missing-key 3:21"],
  ["no request at all", localOf("{ requests: 0, per: 1s }"), "invalid-value 3:24"],
  ["a time that Envoy refuses", localOf("{ requests: 1, per: 49ms }"), "invalid-value 3:32"],
  ["a word of another product", localOf("{ requests: 1, unit: Second }"), "missing-key 3:24", "unknown-key 3:27"],
  [
    "a bucket without limit",
    localOf("{ buckets: [{ when: { header: a, equals: b } }] }"),
    "missing-key 3:24",
    "missing-key 3:24",
  ],
  [
    "a condition without value",
    localOf("{ buckets: [{ when: { header: a }, requests: 1, per: 1s }] }"),
    "missing-key 3:26",
  ],
  [
    "a bucket for each of two",
    localOf("{ buckets: [{ each: { header: a, clientAddress: true }, requests: 1, per: 1s }] }"),
    "invalid-value 3:32",
  ],
  [
    "buckets that nothing tells apart",
    localOf(
      "{ buckets: [{ each: { header: a }, requests: 1, per: 1s }, { each: { header: A }, requests: 2, per: 1s }] }",
    ),
    "duplicate-name 3:71",
  ],
  [
    "a limit beside a bucket for every request",
    localOf("{ requests: 1, per: 1s, buckets: [{ each: { clientAddress: true }, requests: 1, per: 1s }] }"),
    "invalid-value 3:46",
  ],
  ["more values than Envoy shall hold", localOf("{ requests: 1, per: 1s, maxValues: 100001 }"), "invalid-value 3:47"],
  ["a rate limit service that is not defined", globalOf("[[{ clientAddress: true }]]"), "dangling-reference 3:24"],
  ["a descriptor of nothing", globalOf("[[{}]]", limiter), "missing-key 3:59"],
  ["no descriptors", globalOf("[]", limiter), "invalid-value 3:57"],
  ["two sources of one value", globalOf("[[{ header: a, path: true }]]", limiter), "invalid-value 3:59"],
  ["a fixed value without key", globalOf("[[{ value: gold }]]", limiter), "missing-key 3:59"],
  [
    "another name for the client's address",
    globalOf("[[{ clientAddress: true, key: ip }]]", limiter),
    "invalid-value 3:87",
  ],
  [
    "a descriptor that is there twice",
    globalOf("[[{ header: A }], [{ header: a, key: a }]]", limiter),
    "duplicate-name 3:75",
  ],
  ["a bandwidth for nothing", policyOf("bandwidthLimit", "{}"), "missing-key 2:24"],
  ["a bandwidth of nothing", policyOf("bandwidthLimit", "{ request: { limitKbps: 0 } }"), "invalid-value 2:48"],
  [
    "a bucket that is filled too often",
    policyOf("bandwidthLimit", "{ request: { limitKbps: 1, fillInterval: 10ms } }"),
    "invalid-value 2:65",
  ],
  [
    "trailers of a request",
    policyOf("bandwidthLimit", "{ request: { limitKbps: 1, trailers: true } }"),
    "unknown-key 2:51",
  ],
  ["a request of no size", policyOf("requestLimits", "{ maxRequestBytes: 0 }"), "invalid-value 2:42"],
  ["a size with a unit", policyOf("requestLimits", "{ maxRequestBytes: 1MiB }"), "wrong-type 2:42"],
  ["an algorithm that Envoy lacks", policyOf("compression", "{ algorithms: [deflate] }"), "invalid-value 2:36"],
  ["an algorithm twice", policyOf("compression", "{ algorithms: [gzip, gzip] }"), "duplicate-name 2:42"],
  [
    "a media type with its charset",
    policyOf("compression", '{ algorithms: [gzip], contentTypes: ["text/html; charset=utf-8"] }'),
    "invalid-value 2:58",
  ],
  [
    "a time that is fixed and measured",
    policyOf("adaptiveConcurrency", "{ minRtt: { interval: 60s, fixedValue: 10ms } }"),
    "invalid-value 2:51",
  ],
  ["a status that says something else", policyOf("adaptiveConcurrency", "{ status: 500 }"), "invalid-value 2:39"],
  [
    "a range that ends before it begins",
    policyOf("admissionControl", "{ successStatuses: [{ from: 499, to: 200 }] }"),
    "invalid-value 2:63",
  ],
  ["a threshold that always holds", policyOf("admissionControl", "{ srThreshold: 0 }"), "invalid-value 2:41"],
];
