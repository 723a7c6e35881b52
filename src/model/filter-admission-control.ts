/**
 * `admissionControl`: when many requests fail, Envoy answers a share of the next ones itself, so that backends recover.
 * The words are Envoy's.
 */
import * as z from "zod";
import { durationMs } from "./duration.ts";
import { filterPart } from "./filter-part.ts";
import { block, count, refuse, scalar } from "./schema-scalars.ts";

/** What is absent is Envoy's. */
export interface AdmissionControl {
  readonly samplingWindowMs?: number;
  readonly aggression?: number;
  readonly srThresholdPercent?: number;
  readonly rpsThreshold?: number;
  readonly maxRejectionPercent?: number;
  /** Both ends belong to it. */
  readonly successStatuses?: readonly { readonly from: number; readonly to: number }[];
  readonly grpcSuccessStatuses?: readonly number[];
}

const GRPC_STATUS_MAX = 16;
const STATUSES_MAX = 50;
/** Beyond that everything is refused at the first failure. */
const AGGRESSION_MAX = 100;

const status = z.int().min(100).max(599);

const schema = block({
  samplingWindow: scalar("wholeSeconds").optional().describe("How far back Envoy looks; 30s when absent."),
  aggression: z
    .number()
    .min(1)
    .max(AGGRESSION_MAX)
    .optional()
    .meta({ description: "1, the default, refuses in proportion; more refuses sooner." }),
  srThreshold: z
    .number()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: "Nothing is refused while so many percent succeed; 95 when absent." }),
  rpsThreshold: count
    .optional()
    .meta({ description: "Nothing is refused below so many requests a second; 0 when absent." }),
  maxRejectionProbability: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .meta({ description: "Never more than so many percent are refused; 80 when absent." }),
  successStatuses: z
    .array(
      block({ from: status.describe("The first."), to: status.describe("The last.") }).superRefine((value, context) => {
        if (value.from <= value.to) return;
        const message = `the range ends (${value.to}) before it begins (${value.from})`;
        refuse(context, { code: "invalid-value", message, hint: "exchange `from` and `to`", path: ["to"] });
      }),
    )
    .min(1)
    .max(STATUSES_MAX)
    .optional()
    .meta({ description: "What is no failure; all below 500 when absent.", examples: [[{ from: 200, to: 499 }]] }),
  grpcSuccessStatuses: z
    .array(z.int().min(0).max(GRPC_STATUS_MAX))
    .min(1)
    .max(GRPC_STATUS_MAX + 1)
    .optional()
    .meta({ description: "The same for gRPC; those that are the client's doing when absent.", examples: [[0, 5]] }),
}).meta({
  description: "When many requests fail, Envoy refuses a share of the next ones with 503.",
  examples: [{}, { srThreshold: 90, rpsThreshold: 10, maxRejectionProbability: 50 }],
});

export const admissionControl = filterPart({
  schema,
  build: (value): AdmissionControl => ({
    ...(value.samplingWindow === undefined ? {} : { samplingWindowMs: durationMs(value.samplingWindow) }),
    ...(value.aggression === undefined ? {} : { aggression: value.aggression }),
    ...(value.srThreshold === undefined ? {} : { srThresholdPercent: value.srThreshold }),
    ...(value.rpsThreshold === undefined ? {} : { rpsThreshold: value.rpsThreshold }),
    ...(value.maxRejectionProbability === undefined ? {} : { maxRejectionPercent: value.maxRejectionProbability }),
    ...(value.successStatuses === undefined ? {} : { successStatuses: value.successStatuses }),
    ...(value.grpcSuccessStatuses === undefined ? {} : { grpcSuccessStatuses: value.grpcSuccessStatuses }),
  }),
});
