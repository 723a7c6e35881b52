/**
 * A document that uses the whole vocabulary.
 */
export const sample = `nodes:
  edge:
    match: { cluster: edge, id: [edge-1, edge-2], locality: { region: eu } }
    removalGuard: { percent: 50, minimum: 10 }
    updates: { grace: 45s, deadline: 20s, onDeadline: hold }
  lab:
    match: { metadata: { deploy.stage: lab } }
    services: [shop]
    consistency: warn
    removalGuard: off
gateways:
  public:
    nodes: [lab, edge]
    listeners:
      - { name: http, port: 8080 }
      - { name: admin, port: 8081, address: 127.0.0.1, protocol: HTTP }
    policies: [slow]
services:
  shop:
    protocol: http2
    endpoints:
      - { address: "10.0.1.12:8080", labels: { version: v2 }, locality: eu/b, weight: 10, priority: 1 }
      - { address: "10.0.1.11:8080", labels: { version: v1 }, locality: eu/a/rack-7 }
      - "[::1]:80"
    subsets:
      stable: { labels: { version: v1 } }
      canary:
        labels: { version: v2 }
        circuit_breaker: { max_requests: 50 }
        healthCheck: { tcp: {} }
    connectTimeout: 250ms
    loadBalancer: { policy: LEAST_REQUEST, choiceCount: 3, healthyPanicThreshold: 0 }
    circuitBreaker: { maxConnections: 200, maxRequests: 500, trackRemaining: true }
    outlier_detection: { consecutive_5xx: 5, interval: 1.5s, base_ejection_time: 2m }
    healthCheck: { http: { path: /healthz, expectedStatuses: [204, 200] }, interval: 5s, unhealthyThreshold: 2 }
  empty: { endpoints: [] }
routes:
  shop:
    gateways: [public/http]
    hostnames: [shop.example.com, "*.Shop.example.com"]
    rules:
      - name: pinned
        matches:
          - path: { exact: /cart }
            method: POST
            headers: { X-Canary: always, a: { present: true } }
            queryParams: { debug: { prefix: "1" } }
          - path: /basket
        backends: [{ service: shop, subset: canary }]
        timeouts: { request: 3s, idle: 0s }
        retry: { attempts: 2, on: [reset, 5xx], perTryTimeout: 1s, backoff: { base: 25ms, max: 1s } }
        policies: [tagged, slow]
      - split: shop
    policies: [tagged]
  filtered:
    rules:
      - filters: [{ redirect: { scheme: https, hostname: b.example.com, port: 8443, path: { prefix: /new }, status: 308 } }]
      - { matches: [{ path: /closed }], filters: [{ respond: { status: 503, body: closed } }] }
      - backends: [{ service: shop, filters: [{ responseHeaders: { set: { x-v: v1 } } }] }]
        filters:
          - requestHeaders: { set: { A: "1" }, add: { b: "2" }, remove: [C] }
          - responseHeaders: { remove: [server] }
          - rewrite: { hostname: inside, path: { full: /x } }
          - mirror: { service: shop, subset: canary, percent: 2.5 }
          - mirror: { service: empty }
  rest:
    rules: [{ backends: [{ service: empty, weight: 3 }, { service: shop }] }]
splits:
  shop:
    backends: { stable: { service: shop, subset: stable, filters: [{ requestHeaders: { set: { x-v: v1 } } }] }, canary: { service: shop, subset: canary }, old: { service: empty } }
    default: { stable: 90, canary: 10 }
policies:
  slow:
    timeouts: { request: 60s, backendRequest: 20s, idle: 5m }
    retry: { attempts: 1, on: [reset] }
  tagged: { requestHeaders: { set: { X-Tag: a } }, responseHeaders: { remove: [server] } }
resources:
  - "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
    clusterName: raw
    nodes: edge
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: raw
    connect_timeout: 3s
`;
