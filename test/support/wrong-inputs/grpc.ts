/**
 * Wrong inputs about gRPC.
 */
import type { WrongInput } from "./row.ts";
import { shop } from "./row.ts";

/** A match; it stands on the sixth line, at column 13. */
const match = (text: string) =>
  `${shop}routes:\n  r:\n    rules:\n      - matches:\n          - ${text}\n        backends: [{ service: shop }]\n`;
/** A policy with one part; the value begins in line 2, behind the key at column 8. */
const policyOf = (part: string, value: string) => `policies:\n  p: { ${part}: ${value} }\n`;

export const grpc: readonly WrongInput[] = [
  ["a service and its method in one", match("{ grpc: { service: shop.Orders/Place } }"), "invalid-value 6:32"],
  ["a method with a path", match("{ grpc: { method: /Place } }"), "invalid-value 6:31"],
  ["a path beside a method", match("{ path: /a, grpc: { method: Place } }"), "invalid-value 6:21"],
  ["an HTTP method beside a service", match("{ grpc: { service: a.B }, method: POST }"), "invalid-value 6:47"],
  ["a query of gRPC", match("{ grpc: {}, queryParams: { a: b } }"), "invalid-value 6:38"],
  ["two conditions on a service", match("{ grpc: { service: { exact: a, regex: b } } }"), "invalid-value 6:32"],
  ["a service that is no expression", match('{ grpc: { service: { regex: "(" } } }'), "invalid-value 6:41"],
  ["Gateway API's way to match by an expression", match("{ grpc: { type: Exact } }"), "unknown-key 6:23"],
  [
    "a prefix where a method matched",
    match("{ grpc: { service: a.B } }").replace(
      "        backends",
      "        filters: [{ rewrite: { path: { prefix: / } } }]\n        backends",
    ),
    "invalid-value 7:40",
  ],
  ["a limit of calls without a unit", policyOf("timeouts", "{ grpcTimeoutHeaderMax: 5 }"), "wrong-type 2:42"],
  ["methods without a service", policyOf("grpcStats", "{ methods: [Place] }"), "wrong-type 2:30"],
  ["no method of a service", policyOf("grpcStats", "{ methods: { a.B: [] } }"), "invalid-value 2:37"],
  ["some methods and all", policyOf("grpcStats", "{ methods: { a.B: [C] }, allMethods: true }"), "invalid-value 2:56"],
  ["JSON without a service", policyOf("grpcJson", "{ descriptorSet: a.binpb }"), "missing-key 2:8"],
  [
    "a service with its method",
    policyOf("grpcJson", "{ descriptorSet: a.binpb, services: [a.B/C] }"),
    "invalid-value 2:55",
  ],
  ["a set that is nowhere", policyOf("grpcJson", "{ descriptorSet: a.binpb, services: [a.B] }"), "source-missing 2:35"],
];
