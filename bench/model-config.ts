/**
 * Config files as teams keep them, for the benchmark of the model: so many services, and a route for each.
 *
 * Every service has two or three endpoints; one in five has two subsets and a route that weighs them, and
 * others have a circuit breaker, a health check or outlier detection. Ten routes share a host name.
 */

/** How much, and in how many files. */
export interface ModelConfigSize {
  /** Services, and as many routes. */
  readonly count: number;
  readonly perFile: number;
}

/** Path → text. */
export function modelConfig(size: ModelConfigSize): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  files.set("gateways.yaml", "gateways:\n  edge:\n    listeners:\n      - { name: http, port: 10000 }\n");
  for (let file = 0; file * size.perFile < size.count; file += 1) {
    files.set(modelPath(file), modelFile(size, file, { service: 0, route: 0 }));
  }
  return files;
}

/** Of the file with this index. */
export function modelPath(file: number): string {
  return `team-${String(file).padStart(5, "0")}.yaml`;
}

/** One file; the turns change the port of its first service's endpoint and the timeout of its first route. */
export function modelFile(
  size: ModelConfigSize,
  file: number,
  turns: { readonly service: number; readonly route: number },
): string {
  const first = file * size.perFile;
  const indexes = Array.from({ length: Math.min(size.perFile, size.count - first) }, (_, index) => first + index);
  const services = indexes.map((index) => service(index, index === first ? turns.service : 0));
  const routes = indexes.map((index) => route(index, index === first ? turns.route : 0));
  return `# What the team of ${modelPath(file)} runs.\nservices:\n${services.join("")}\nroutes:\n${routes.join("")}`;
}

function service(index: number, turn: number): string {
  const lines = [`  ${serviceName(index)}:`, "    endpoints:"];
  for (let last = 1; last <= 2 + (index % 2); last += 1) lines.push(endpoint(index, last, turn));
  if (hasSubsets(index)) {
    lines.push("    subsets:", "      v1:", "        labels: { version: v1 }");
    lines.push("      v2:", "        labels:", "          version: v2", "        circuitBreaker: { maxRequests: 50 }");
  }
  if (index % 3 === 0) lines.push("    circuitBreaker:", "      maxConnections: 2000", "      maxRequests: 1000");
  if (index % 7 === 0) lines.push("    outlierDetection: { consecutive5xx: 5, interval: 5s, baseEjectionTime: 30s }");
  if (index % 10 === 0) lines.push("    healthCheck:", "      http: { path: /healthz }", "      interval: 5s");
  return `${lines.join("\n")}\n`;
}

function endpoint(index: number, last: number, turn: number): string {
  const address = `10.${index >> 8}.${index & 255}.${last}:${20_000 + (last === 1 ? turn % 10_000 : 0)}`;
  if (!hasSubsets(index)) return `      - ${address}`;
  return `      - { address: "${address}", labels: { version: v${1 + (last % 2)} } }`;
}

function route(index: number, turn: number): string {
  const name = serviceName(index);
  const lines = [`  ${name}:`, `    hostnames: [shop-${Math.floor(index / 10)}.example.com]`, "    rules:"];
  lines.push(`      - name: main`, `        matches:`, `          - path: { prefix: /${name} }`, "        backends:");
  if (hasSubsets(index)) {
    lines.push(`          - { service: ${name}, subset: v1, weight: 90 }`);
    lines.push(`          - { service: ${name}, subset: v2, weight: 10 }`);
  } else lines.push(`          - service: ${name}`);
  if (index % 4 === 0 || turn > 0) lines.push(`        timeouts: { request: ${3_000 + turn}ms }`);
  if (index % 6 === 0) lines.push("        retry:", "          attempts: 2", "          on: [connect-failure, 5xx]");
  return `${lines.join("\n")}\n`;
}

function serviceName(index: number): string {
  return `service-${String(index).padStart(5, "0")}`;
}

function hasSubsets(index: number): boolean {
  return index % 5 === 0;
}
