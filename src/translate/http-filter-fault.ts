/**
 * Delays and errors on purpose: envoy.filters.http.fault.
 */
import type { HTTPFaultJson } from "../gen/envoy/extensions/filters/http/fault/v3/fault_pb.d.ts";
import type { Fault } from "../model/filter-fault.ts";
import { duration } from "./duration.ts";
import { fractionalPercent, httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const httpFault = "envoy.extensions.filters.http.fault.v3.HTTPFault";

export const faultFilter = httpFilter({
  name: "envoy.filters.http.fault",
  part: "fault",
  chain: { one: "for all", config: packAny(httpFault, {} satisfies HTTPFaultJson) },
  route: (fault) => packAny(httpFault, faultJson(fault)),
});

function faultJson({ delay, abort, headers, maxActive }: Fault): HTTPFaultJson {
  return {
    ...(delay === undefined
      ? {}
      : { delay: { fixedDelay: duration(delay.fixedMs), percentage: fractionalPercent(delay.percent) } }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            ...(abort.answer.kind === "http"
              ? { httpStatus: abort.answer.status }
              : { grpcStatus: abort.answer.status }),
            percentage: fractionalPercent(abort.percent),
          },
        }),
    ...(headers.length === 0
      ? {}
      : { headers: headers.map(({ name, value }) => ({ name, stringMatch: { exact: value } })) }),
    ...(maxActive === undefined ? {} : { maxActiveFaults: maxActive }),
  };
}
