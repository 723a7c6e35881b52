/**
 * Virtual hosts and routes: what no two may claim, what excludes each other, and headers that are Envoy's own.
 */
import type { HeaderValueOption } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { Route, VirtualCluster, VirtualHost } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import type { Path } from "./position.ts";
import { problem, refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";
import { formatProblems } from "./refusals-format.ts";

const route = "envoy.config.route.v3";

/** Envoy's default for `max_direct_response_body_size_bytes`. */
const BODY_BYTES_MAX = 4_096;

export const routeRules: RuleTable = {
  [`${route}.RouteConfiguration`]: ruleFor<RouteConfiguration>((config) => [
    ...domainProblems(config),
    ...bodyProblems(config),
    ...pluginProblems(config),
    ...headerProblems(config),
  ]),
  [`${route}.VirtualHost`]: ruleFor<VirtualHost>((host) => [
    ...when(host.matcher !== undefined && host.routes.length > 0, () =>
      refused(["matcher"], "a virtual host has either `routes` or a `matcher`"),
    ),
    ...headerProblems(host),
  ]),
  [`${route}.Route`]: ruleFor<Route>(headerProblems),
  [`${route}.WeightedCluster.ClusterWeight`]: ruleFor<HeaderLists>(headerProblems),
  [`${route}.VirtualCluster`]: ruleFor<VirtualCluster>(({ headers }) =>
    when(headers.length === 0, () => problem("missing-key", ["headers"], { message: "needs `headers` to match" })),
  ),
  [`${route}.FilterConfig`]: ruleFor<FilterConfig>(({ config, disabled, isOptional }) =>
    when(config === undefined && !disabled && !isOptional, () =>
      problem("missing-key", ["config"], { message: "needs `config`, or `disabled`" }),
    ),
  ),
};

/** A domain leads to one virtual host. */
function domainProblems({ virtualHosts }: RouteConfiguration): readonly EnvoyProblem[] {
  return repeatedDomains(virtualHosts).map(({ domain, owner, path }) =>
    problem("duplicate-domain", path, {
      message: `the domain "${domain}" is claimed already, by virtual host "${owner}"`,
      hint: "remove it from one of them",
    }),
  );
}

/** A domain that is claimed a second time. */
interface RepeatedDomain {
  readonly domain: string;
  /** The virtual host that claimed it before. */
  readonly owner: string;
  readonly path: Path;
}

/**
 * Envoy compares without regard to case. This is all that can be wrong among virtual hosts that are right
 * alone; `snapshot/encode-hosts.ts` counts on it.
 */
export function repeatedDomains(
  virtualHosts: readonly { readonly name: string; readonly domains: readonly string[] }[],
): readonly RepeatedDomain[] {
  const owners = new Map<string, string>();
  const repeated: RepeatedDomain[] = [];
  for (const [host, { name, domains }] of virtualHosts.entries()) {
    for (const [index, domain] of domains.entries()) {
      const key = domain.toLowerCase();
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, name);
      else repeated.push({ domain, owner, path: ["virtual_hosts", host, "domains", index] });
    }
  }
  return repeated;
}

function bodyProblems(config: RouteConfiguration): readonly EnvoyProblem[] {
  const bytesMax = config.maxDirectResponseBodySizeBytes ?? BODY_BYTES_MAX;
  return config.virtualHosts.flatMap(({ routes }, host) =>
    routes.flatMap(({ action }, index) => {
      const body = action.case === "directResponse" ? action.value.body?.specifier : undefined;
      const inline =
        body?.case === "inlineString" || body?.case === "inlineBytes" ? Buffer.from(body.value) : undefined;
      return when(inline !== undefined && inline.length > bytesMax, () =>
        refused(
          ["virtual_hosts", host, "routes", index, "direct_response", "body"],
          `the body has ${inline?.length} bytes, more than the limit of ${bytesMax}`,
          "raise max_direct_response_body_size_bytes of the route configuration",
        ),
      );
    }),
  );
}

function pluginProblems({ virtualHosts, clusterSpecifierPlugins }: RouteConfiguration): readonly EnvoyProblem[] {
  const known = new Set(clusterSpecifierPlugins.map(({ extension }) => extension?.name));
  return virtualHosts.flatMap(({ routes }, host) =>
    routes.flatMap(({ action }, index) => {
      const specifier = action.case === "route" ? action.value.clusterSpecifier : undefined;
      if (specifier?.case !== "clusterSpecifierPlugin" || known.has(specifier.value)) return [];
      const path = ["virtual_hosts", host, "routes", index, "route", "cluster_specifier_plugin"];
      return [
        problem("dangling-reference", path, { message: `there is no cluster specifier plugin "${specifier.value}"` }),
      ];
    }),
  );
}

/** `envoy.config.route.v3.FilterConfig`, as far as it is looked at. */
interface FilterConfig {
  readonly config?: unknown;
  readonly disabled: boolean;
  readonly isOptional: boolean;
}

/** What route configurations, virtual hosts, routes and weighted clusters have alike. */
interface HeaderLists {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToRemove: readonly string[];
}

function headerProblems(lists: HeaderLists): readonly EnvoyProblem[] {
  return [
    ...addedProblems("request_headers_to_add", lists.requestHeadersToAdd),
    ...addedProblems("response_headers_to_add", lists.responseHeadersToAdd),
    ...removedProblems("request_headers_to_remove", lists.requestHeadersToRemove),
    ...removedProblems("response_headers_to_remove", lists.responseHeadersToRemove),
  ];
}

function addedProblems(field: string, options: readonly HeaderValueOption[]): readonly EnvoyProblem[] {
  return options.flatMap(({ header }, index) => [
    ...when(isProtected(header?.key), () =>
      problem("protected-header", [field, index, "header", "key"], {
        message: `Envoy lets no route change "${header?.key}"`,
        hint: "a route has host_rewrite_literal, prefix_rewrite and the like",
      }),
    ),
    ...formatProblems(header?.value ?? "", [field, index, "header", "value"]),
  ]);
}

function removedProblems(field: string, names: readonly string[]): readonly EnvoyProblem[] {
  return names.flatMap((name, index) =>
    when(isProtected(name), () =>
      problem("protected-header", [field, index], { message: `Envoy lets no route remove "${name}"` }),
    ),
  );
}

/** Pseudo headers, and what stands for one of them in HTTP/1. */
function isProtected(name: string | undefined): boolean {
  return name !== undefined && (name.startsWith(":") || name.toLowerCase() === "host");
}
