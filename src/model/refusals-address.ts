/**
 * Addresses and ranges that Envoy cannot parse: where it resolves no names, it takes IP addresses only.
 */
import { isIP } from "node:net";
import type { Address, BindConfig, CidrRange } from "../gen/envoy/config/core/v3/address_pb.d.ts";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import type { Path } from "./position.ts";
import { problem, refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

export const addressRules: RuleTable = {
  "envoy.config.core.v3.BindConfig": ruleFor<BindConfig>(({ sourceAddress }) =>
    sourceAddress === undefined || sourceAddress.resolverName !== "" || isIP(sourceAddress.address) !== 0
      ? []
      : [malformed(["source_address", "address"], sourceAddress.address, "write an IP address")],
  ),
  // A length beyond that of the address is no mistake to Envoy.
  "envoy.config.core.v3.CidrRange": ruleFor<CidrRange>(({ addressPrefix }) =>
    isIP(addressPrefix) === 0
      ? [malformed(["address_prefix"], addressPrefix, "write an IP address, such as 10.0.0.0")]
      : [],
  ),
};

/** What is wrong with an address that must be an IP address and a port, or a path, or internal. */
export function addressProblems(address: Address | undefined, path: Path, hint: string): readonly EnvoyProblem[] {
  if (address?.address.case !== "socketAddress") return [];
  const socket = address.address.value;
  // A resolver of the user's own may take anything.
  if (socket.resolverName !== "") return [];
  const found: EnvoyProblem[] = [];
  const inside = [...path, "socket_address"];
  // An empty address is against the constraints of the proto, which tell it.
  if (socket.address !== "" && isIP(socket.address) === 0) {
    found.push(malformed([...inside, "address"], socket.address, hint));
  }
  if (socket.portSpecifier.case === "namedPort") {
    found.push(refused([...inside, "named_port"], "Envoy resolves no port names here", "write port_value"));
  }
  return found;
}

/** What is wrong with a load assignment that is a resource of its own; in a cluster it depends on the cluster. */
export function assignmentProblems(assignment: ClusterLoadAssignment): readonly EnvoyProblem[] {
  const overloads = assignment.policy?.dropOverloads.length ?? 0;
  return [
    ...hostProblems(assignment, []),
    ...when(overloads > 1, () => refused(["policy", "drop_overloads", 1], "Envoy takes one category of overload")),
  ];
}

/** The hosts of a load assignment that are not reachable by IP address, of those whose names Envoy does not resolve. */
export function hostProblems(assignment: ClusterLoadAssignment, path: Path): readonly EnvoyProblem[] {
  const hint = "write an IP address; names are for clusters of type STRICT_DNS or LOGICAL_DNS";
  return assignment.endpoints.flatMap((locality, group) =>
    locality.lbEndpoints.flatMap(({ hostIdentifier }, index) => {
      const at = [...path, "endpoints", group, "lb_endpoints", index];
      const endpoint = hostIdentifier.case === "endpoint" ? hostIdentifier.value : undefined;
      if (endpoint?.address === undefined) {
        const message = "needs `endpoint` with an `address`";
        return [problem("missing-key", at, { message, hint: "Envoy does not look up hosts by name of the endpoint" })];
      }
      return [
        ...addressProblems(endpoint.address, [...at, "endpoint", "address"], hint),
        ...endpoint.additionalAddresses.flatMap(({ address }, other) =>
          addressProblems(address, [...at, "endpoint", "additional_addresses", other, "address"], hint),
        ),
        ...addressProblems(
          endpoint.healthCheckConfig?.address,
          [...at, "endpoint", "health_check_config", "address"],
          hint,
        ),
      ];
    }),
  );
}

function malformed(path: Path, written: string, hint: string): EnvoyProblem {
  return problem("malformed-address", path, { message: `"${written}" is not an IP address`, hint });
}
