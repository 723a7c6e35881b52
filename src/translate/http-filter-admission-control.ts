/**
 * A share of requests is refused while many fail: envoy.filters.http.admission_control.
 *
 * The filter knows no routes, so that each policy has one of its own, which counts what its routes do.
 */
import type { AdmissionControlJson } from "../gen/envoy/extensions/filters/http/admission_control/v3/admission_control_pb.d.ts";
import type { AdmissionControl } from "../model/filter-admission-control.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

export const admissionControlFilter = httpFilter({
  name: "envoy.filters.http.admission_control",
  part: "admissionControl",
  chain: {
    one: "each",
    config: (settings) =>
      packAny("envoy.extensions.filters.http.admission_control.v3.AdmissionControl", filterJson(settings)),
  },
});

function filterJson(settings: AdmissionControl): AdmissionControlJson {
  const { samplingWindowMs, aggression, srThresholdPercent, rpsThreshold, maxRejectionPercent } = settings;
  const { successStatuses, grpcSuccessStatuses } = settings;
  return {
    successCriteria: {
      // Ranges of Envoy's leave their last out.
      ...(successStatuses === undefined
        ? {}
        : {
            httpCriteria: { httpSuccessStatus: successStatuses.map(({ from, to }) => ({ start: from, end: to + 1 })) },
          }),
      ...(grpcSuccessStatuses === undefined ? {} : { grpcCriteria: { grpcSuccessStatus: grpcSuccessStatuses } }),
    },
    ...(samplingWindowMs === undefined ? {} : { samplingWindow: duration(samplingWindowMs) }),
    // Envoy insists on a key by which its runtime could overrule each value.
    ...(aggression === undefined
      ? {}
      : { aggression: { defaultValue: aggression, runtimeKey: "admission_control.aggression" } }),
    ...(srThresholdPercent === undefined
      ? {}
      : { srThreshold: { defaultValue: { value: srThresholdPercent }, runtimeKey: "admission_control.sr_threshold" } }),
    ...(rpsThreshold === undefined
      ? {}
      : { rpsThreshold: { defaultValue: rpsThreshold, runtimeKey: "admission_control.rps_threshold" } }),
    ...(maxRejectionPercent === undefined
      ? {}
      : {
          maxRejectionProbability: {
            defaultValue: { value: maxRejectionPercent },
            runtimeKey: "admission_control.max_rejection_probability",
          },
        }),
  };
}
