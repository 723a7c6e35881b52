/**
 * Filter chains of one listener that match the same connections.
 *
 * Envoy lays every chain out as all combinations of what it matches (port, range, server name, protocol and
 * so on) and refuses a combination that is there already; so does this.
 */
import { isIPv4 } from "node:net";
import type { CidrRange } from "../gen/envoy/config/core/v3/address_pb.d.ts";
import type { FilterChainMatch } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { problem } from "./refusal-rule.ts";

/** Beyond as many combinations in a listener the rest is left to Envoy. */
const COMBINATIONS_MAX = 20_000;

/** One problem for each chain that repeats a combination of another, or of its own. */
export function chainConflicts({ filterChains, filterChainMatcher }: Listener): readonly EnvoyProblem[] {
  // A matcher finds chains by their names, whatever they match.
  if (filterChainMatcher !== undefined) return [];
  const owners = new Map<string, number>();
  const found: EnvoyProblem[] = [];
  for (const [index, { filterChainMatch }] of filterChains.entries()) {
    const keys = combinations(filterChainMatch, COMBINATIONS_MAX - owners.size);
    if (keys === undefined) return found;
    let other: number | undefined;
    for (const key of keys) {
      other ??= owners.get(key);
      if (!owners.has(key)) owners.set(key, index);
    }
    if (other === undefined) continue;
    const first = filterChains[other]?.name ?? "";
    const named =
      other === index ? "itself" : first === "" ? `the filter chain ${other}` : `the filter chain "${first}"`;
    found.push(
      problem("filter-chain-conflict", ["filter_chains", index], {
        message: `matches the same connections as ${named}`,
        hint: "give it another filter_chain_match",
      }),
    );
  }
  return found;
}

/** Every combination as text; undefined when there are more than `most`. */
function combinations(match: FilterChainMatch | undefined, most: number): readonly string[] | undefined {
  const dimensions: readonly (readonly string[])[] = [
    [String(match?.destinationPort ?? 0)],
    (match?.prefixRanges ?? []).map(network),
    (match?.serverNames ?? []).map((name) => name.toLowerCase().replace(/^\*\./, ".")),
    [match?.transportProtocol ?? ""],
    match?.applicationProtocols ?? [],
    (match?.directSourcePrefixRanges ?? []).map(network),
    [String(match?.sourceType ?? 0)],
    (match?.sourcePrefixRanges ?? []).map(network),
    (match?.sourcePorts ?? []).map(String),
  ];
  const filled = dimensions.map((values) => (values.length === 0 ? [""] : values));
  if (filled.reduce((product, values) => product * values.length, 1) > most) return undefined;
  return filled.reduce<readonly string[]>(
    (keys, values) => keys.flatMap((key) => values.map((value) => `${key}|${value}`)),
    [""],
  );
}

/** The range without the bits of its address that do not count, for IPv4; IPv6 as it is written. */
function network({ addressPrefix, prefixLen = 0 }: CidrRange): string {
  if (!isIPv4(addressPrefix)) return `${addressPrefix.toLowerCase()}/${prefixLen}`;
  const bits = addressPrefix.split(".").reduce((all, part) => all * 256 + Number(part), 0);
  const size = 2 ** Math.max(0, 32 - prefixLen);
  return `${Math.floor(bits / size) * size}/${prefixLen}`;
}
