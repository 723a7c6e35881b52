/**
 * The config files that the benchmarks serve, as functions of how often each part was changed.
 *
 * Ten services a file with a route file beside it, as teams keep them: `services/team-000.yaml` and
 * `routes/team-000.yaml`. Every service has four endpoints, a circuit breaker and a rule of its own, and
 * all routes are in one route configuration.
 */

/** How often each part was changed; the same numbers give the same files. */
export interface Turns {
  /** The port of one endpoint. */
  readonly endpoint: number;
  /** The threshold of one circuit breaker. */
  readonly breaker: number;
  /** The weights of one rule. */
  readonly weight: number;
  /** Which service takes the traffic of one rule; its name is new each time. */
  readonly swap: number;
}

/** The service whose endpoint and circuit breaker change, and that shares a rule with the next one. */
export const CHANGING_SERVICE = "service-00000";
/** The files that change. */
export const changingFiles = {
  services: "services/team-000.yaml",
  weights: "weights.yaml",
  swap: "swap.yaml",
} as const;
/** The one route configuration. */
export const ROUTE_NAME = "edge/http";

const PER_FILE = 10;

/** All files: path under the config directory → text. */
export function fleetConfig(servicesCount: number, turns: Turns): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  files.set(
    "gateways.yaml",
    "gateways:\n  edge:\n    listeners:\n      - { name: http, address: 127.0.0.1, port: 10000 }\n",
  );
  const all = serviceNames(servicesCount);
  for (let first = 0; first < servicesCount; first += PER_FILE) {
    const team = `team-${String(first / PER_FILE).padStart(3, "0")}`;
    const names = all.slice(first, first + PER_FILE);
    files.set(`services/${team}.yaml`, `services:\n${names.map((name) => service(name, turns)).join("")}`);
    files.set(`routes/${team}.yaml`, routes(team, names));
  }
  files.set(changingFiles.weights, weights(turns));
  files.set(changingFiles.swap, swap(turns));
  return files;
}

/** The text of one of the changing files. */
export function changedFile(path: string, servicesCount: number, turns: Turns): string {
  if (path === changingFiles.weights) return weights(turns);
  if (path === changingFiles.swap) return swap(turns);
  const names = serviceNames(Math.min(servicesCount, PER_FILE));
  return `services:\n${names.map((name) => service(name, turns)).join("")}`;
}

/** The service that `swap.yaml` has after so many swaps. */
export function swappedService(turn: number): string {
  return `swapped-${turn}`;
}

/** One file of so many services with everything that a service can have, about a kilobyte each, and their rules. */
export function bigFile(servicesCount: number): { readonly text: string; readonly names: readonly string[] } {
  const names = serviceNames(servicesCount).map((name) => `big-${name}`);
  const rules = routes("big", names);
  return { text: `services:\n${names.map(fullService).join("")}${rules}`, names };
}

function serviceNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `service-${String(index).padStart(5, "0")}`);
}

function service(name: string, turns: Turns): string {
  const changing = name === CHANGING_SERVICE;
  const port = 20_000 + (changing ? turns.endpoint % 10_000 : 0);
  const maxRequests = 1_000 + (changing ? turns.breaker : 0);
  const index = Number(name.slice(-5));
  const host = `10.${index >> 8}.${index & 255}`;
  return [
    `  ${name}:`,
    "    endpoints:",
    `      - { address: "${host}.1:${port}" }`,
    ...[2, 3, 4].map((last) => `      - { address: "${host}.${last}:20000" }`),
    `    circuitBreaker: { maxRequests: ${maxRequests}, maxRetries: 10 }`,
    "",
  ].join("\n");
}

function fullService(name: string, index: number): string {
  const host = `10.${index >> 8}.${index & 255}`;
  const endpoints = [1, 2, 3, 4, 5, 6].map(
    (last) =>
      `      - { address: "${host}.${last}:20000", labels: { version: v${last % 2}, rack: "rack-${last}" }, locality: north/zone-${last % 3}, weight: ${last} }`,
  );
  return [
    `  ${name}:`,
    "    endpoints:",
    ...endpoints,
    "    circuitBreaker: { maxConnections: 2000, maxPendingRequests: 500, maxRequests: 1000, maxRetries: 10 }",
    "    outlierDetection: { consecutive5xx: 5, interval: 5s, baseEjectionTime: 30s, maxEjectionPercent: 20 }",
    "",
  ].join("\n");
}

function routes(name: string, services: readonly string[]): string {
  const rules = services.map(
    (each) =>
      `      - { name: ${each}, matches: [{ path: { prefix: /${each} } }], backends: [{ service: ${each} }] }\n`,
  );
  return `routes:\n  ${name}:\n    hostnames: [${name}.example.com]\n    rules:\n${rules.join("")}`;
}

function weights({ weight }: Turns): string {
  const share = weight % 100;
  const next = CHANGING_SERVICE.replace(/0$/, "1");
  return [
    "routes:",
    "  weights:",
    "    hostnames: [weights.example.com]",
    "    rules:",
    "      - name: canary",
    "        backends:",
    `          - { service: ${CHANGING_SERVICE}, weight: ${100 - share} }`,
    `          - { service: ${next}, weight: ${share} }`,
    "",
  ].join("\n");
}

function swap(turns: Turns): string {
  const name = swappedService(turns.swap);
  return [
    `services:\n  ${name}:\n    endpoints: [{ address: "10.255.0.1:20000" }]`,
    `routes:\n  swap:\n    hostnames: [swap.example.com]\n    rules:\n      - { name: all, backends: [{ service: ${name} }] }\n`,
  ].join("\n");
}
