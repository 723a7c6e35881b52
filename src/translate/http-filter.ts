/**
 * What every HTTP filter that a policy asks for has in common.
 *
 * A filter stands in the chain of a listener when a route there uses it, disabled until a route asks for it
 * ("Route based filter chain", envoyproxy.io/docs, HTTP filters). Most filters take all their settings from the route,
 * so that one stands for all and an edit of a policy changes routes only. Some read theirs in the chain alone: then there
 * is one for each policy or rule that has its own, and an edit changes the listener.
 */
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";
import type { FractionalPercentJson } from "../gen/envoy/type/v3/percent_pb.d.ts";
import type { RuntimeFractionalPercentJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { FilterPartName, FilterSettings } from "../model/filter-parts.ts";

/** A filter of Envoy's and how a part of a policy makes it work. */
export interface HttpFilterKind<Name extends FilterPartName> {
  /** Envoy's name of the filter; where there are several, what they belong to stands behind it. */
  readonly name: string;
  /** The part that asks for it. */
  readonly part: Name;
  /** The config in the chain; undefined when such settings do without this filter. */
  readonly chain:
    | { readonly one: "for all"; readonly config: AnyJson }
    | { readonly one: "each"; readonly config: (settings: FilterSettings<Name>) => AnyJson | undefined };
  /** What a route says to it; undefined when such settings do without it. To be switched on is enough for one of its own. */
  readonly route?: (settings: FilterSettings<Name>) => AnyJson | undefined;
}

/** For the compiler to find the part. */
export function httpFilter<Name extends FilterPartName>(kind: HttpFilterKind<Name>): HttpFilterKind<Name> {
  return kind;
}

/** Percent, of which four decimals count. */
export function fractionalPercent(percent: number): FractionalPercentJson {
  if (Number.isInteger(percent)) return { numerator: percent, denominator: "HUNDRED" };
  return { numerator: Math.round(percent * 10_000), denominator: "MILLION" };
}

/** The same, where Envoy lets a runtime key overrule it; none is named. */
export function fixedPercent(percent: number): RuntimeFractionalPercentJson {
  return { defaultValue: fractionalPercent(percent) };
}
