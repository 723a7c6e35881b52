/**
 * All wrong inputs together.
 */
import { filters, policies } from "./filters-policies.ts";
import { envoyRefusals } from "./envoy-refusals.ts";
import { filtersAndPolicies } from "./filters-and-policies.ts";
import { grpc } from "./grpc.ts";
import { limits } from "./limits.ts";
import { resilience } from "./resilience.ts";
import { resources } from "./resources.ts";
import { routing } from "./routing.ts";
import type { WrongInput } from "./row.ts";
import { services } from "./services.ts";
import { syntax } from "./syntax.ts";

/** By what they are about. */
export const corpus: readonly (readonly [title: string, inputs: readonly WrongInput[]])[] = [
  ["syntax", syntax],
  ["services", services],
  ["routing", routing],
  ["filters", filters],
  ["policies", policies],
  ["filters, policies and TLS", filtersAndPolicies],
  ["limits", limits],
  ["gRPC", grpc],
  ["resilience", resilience],
  ["resources and patches", resources],
  ["what Envoy refuses", envoyRefusals],
];
