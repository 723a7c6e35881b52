/**
 * Words that other systems use in a place where Fairway has another one, too far from it for "did you mean".
 */
import { filterPartNames } from "./filter-parts.ts";
import type { Path } from "./position.ts";

const address = 'the port belongs to the address of an endpoint: "10.0.0.1:8080"';
const serviceHint = "a backend is written `{ service: shop }`; its port is that of the service's endpoints";

const bootstrap = "this is Envoy's bootstrap; its listeners and clusters go under `resources`, each with its `@type`";
const filterHint = "a filter is written by its name alone: `- redirect: { … }`";
const pathHint = "write `path: /a` for a prefix, or `path: { exact: /a }`";
const attachHint = "a policy is attached by its name: `policies: [name]` at a gateway, a route or a rule";

const udpWeightHint =
  "Envoy has no weights between services of UDP: write `weight` at endpoints of one service, which share the clients";
const l4Hints = {
  parentRefs: "did you mean `gateways`?",
  backendRefs: "did you mean `backends`?",
  rules: "a route of connections has no rules: write its `backends` in the place of `rules`",
  service: "write `backends: [{ service: shop }]`",
};

/** What Envoy does with an HTTP filter, written beside the list of filters. */
const inFilters = partHints(
  (name) => `write \`filters: [{ ${name}: … }]\`, or name a policy with it under \`policies\``,
);
const inPolicy = partHints(
  () => "write it in a policy, and attach that: `policies: [name]`; or in the `filters` of a rule",
);

const retryHints = {
  numRetries: "did you mean `attempts`?",
  retryOn: "did you mean `on`?",
  perTryTimeout: "write `timeouts: { backendRequest: 3s }` beside `retry`",
};
const limitHint = "write `local: { requests: 100, per: 1s }`, or `global` with a service that counts";
const limitHints = { requests: limitHint, unit: limitHint, per: limitHint };

const listenerSecret =
  "write `secret: …` with a name under `secrets`, which has `certificate: { file: … }` and `privateKey: { file: … }`";

const issuer =
  "write `authorizationEndpoint` and `tokenEndpoint`, which it lists at its /.well-known/openid-configuration";

/** `*` stands for one step of a path. */
const familiarWords: readonly {
  readonly where: readonly string[];
  readonly hints: Readonly<Record<string, string>>;
}[] = [
  {
    where: [],
    hints: {
      static_resources: bootstrap,
      dynamic_resources: bootstrap,
      admin: bootstrap,
      node: "did you mean `nodes`?",
    },
  },
  {
    where: ["services", "*"],
    hints: {
      lb_policy: "write `loadBalancer: { policy: … }`",
      load_assignment: 'write `endpoints: ["10.0.0.1:8080"]`',
      type: "a service has `endpoints`, or `discovery: { dns: … }`, `{ etcd: {} }` or `{ originalDestination: {} }`",
      port: address,
      targetPort: address,
      hosts: "did you mean `endpoints`?",
      upstreams: "did you mean `endpoints`?",
    },
  },
  {
    where: ["services", "*", "endpoints", "*"],
    hints: {
      port: address,
      endpoint: 'write `address: "10.0.0.1:8080"`',
      ip: 'write `address: "10.0.0.1:8080"`',
      host: 'write `address: "10.0.0.1:8080"`',
    },
  },
  {
    where: ["routes", "*"],
    hints: {
      ...inPolicy,
      parentRefs: "did you mean `gateways`?",
      hosts: "did you mean `hostnames`?",
      domains: "did you mean `hostnames`?",
    },
  },
  {
    where: ["tcpRoutes", "*"],
    hints: { ...l4Hints, hostnames: "only TLS says which name is asked for: put the route under `tlsRoutes`" },
  },
  { where: ["tlsRoutes", "*"], hints: l4Hints },
  { where: ["udpRoutes", "*"], hints: { ...l4Hints, split: udpWeightHint } },
  { where: ["udpRoutes", "*", "backends", "*"], hints: { weight: udpWeightHint } },
  {
    where: ["routes", "*", "rules", "*"],
    hints: {
      ...inFilters,
      retries: "did you mean `retry`?",
      websocket: "write `upgrades: [websocket]`",
      httpUpgrade: "write `upgrades: [websocket]`",
      match: "did you mean `matches`?",
      route: "did you mean `backends`?",
      redirect: "write `filters: [{ redirect: … }]`",
      rewrite: "write `filters: [{ rewrite: … }]`",
      mirror: "write `filters: [{ mirror: … }]`",
      headers: "write `filters: [{ requestHeaders: … }]`, or `matches: [{ headers: … }]`",
      directResponse: "write `filters: [{ respond: … }]`",
      timeout: "write `timeouts: { request: 3s }`",
      backendRefs: "did you mean `backends`?",
      service: "write `backends: [{ service: shop }]`",
    },
  },
  {
    where: ["routes", "*", "rules", "*", "filters", "*"],
    hints: {
      type: filterHint,
      requestRedirect: "did you mean `redirect`?",
      urlRewrite: "did you mean `rewrite`?",
      requestMirror: "did you mean `mirror`?",
      requestHeaderModifier: "did you mean `requestHeaders`?",
      responseHeaderModifier: "did you mean `responseHeaders`?",
      directResponse: "did you mean `respond`?",
    },
  },
  {
    where: ["routes", "*", "rules", "*", "matches", "*"],
    hints: { uri: "did you mean `path`?", prefix: "write `path: /a`, which is a prefix" },
  },
  {
    where: ["routes", "*", "rules", "*", "matches", "*", "path"],
    hints: { type: pathHint, value: pathHint },
  },
  {
    where: ["routes", "*", "rules", "*", "matches", "*", "grpc"],
    hints: { type: "write `service: { regex: … }`, or the name alone for an exact one" },
  },
  { where: ["policies", "*"], hints: { targetRef: attachHint, targetRefs: attachHint } },
  { where: ["routes", "*", "rules", "*", "backends", "*"], hints: { port: serviceHint, name: serviceHint } },
  { where: ["gateways", "*"], hints: inPolicy },
  { where: ["policies", "*", "retry"], hints: retryHints },
  { where: ["routes", "*", "rules", "*", "retry"], hints: retryHints },
  { where: ["policies", "*", "rateLimit"], hints: limitHints },
  { where: ["routes", "*", "rules", "*", "filters", "*", "rateLimit"], hints: limitHints },
  {
    where: ["gateways", "*", "listeners", "*", "tls"],
    hints: {
      certificate: listenerSecret,
      privateKey: listenerSecret,
      certificateRefs: listenerSecret,
      certificates: listenerSecret,
    },
  },
  { where: ["policies", "*", "oidc", "provider"], hints: { issuer } },
  { where: ["routes", "*", "rules", "*", "filters", "*", "oidc", "provider"], hints: { issuer } },
];

function partHints(hintOf: (name: string) => string): Readonly<Record<string, string>> {
  return Object.fromEntries(filterPartNames.map((name) => [name, hintOf(name)]));
}

/** The way out for a key that is at home elsewhere, or undefined. */
export function familiarWord(path: Path, key: string): string | undefined {
  const found = familiarWords.find(
    ({ where, hints }) =>
      Object.hasOwn(hints, key) &&
      where.length === path.length &&
      where.every((step, index) => step === "*" || step === path[index]),
  );
  return found?.hints[key];
}
