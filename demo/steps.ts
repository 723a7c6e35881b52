/**
 * The five steps of the demo, in the order in which they are shown.
 *
 * Each edits a file, waits until both Envoys have acknowledged, and looks at real requests. What a step
 * sends beside the steady traffic is counted on its own; only a circuit breaker may refuse any of it.
 */
import { drawDiagnostic } from "../src/model/draw-diagnostic.ts";
import { wantedVersions } from "./acknowledgements.ts";
import { changeConfig, measure, share, showEdit, showRow, total, type Scene } from "./act.ts";
import { editFile } from "./config-files.ts";
import { ask } from "./kit/get.ts";
import { Load } from "./kit/load.ts";
import { waitUntil } from "./kit/wait-until.ts";
import { untilRefused, untilTaken } from "./refusal.ts";
import type { Edge } from "./stage.ts";

/** One step; the title says what it shows. */
export interface Step {
  readonly title: string;
  readonly run: (scene: Scene) => Promise<void>;
}

export const steps: readonly Step[] = [
  { title: "A new route: /beta goes to v2, everything else stays with v1", run: addRoute },
  { title: "A canary: the share of v2 grows from 0 to 10, 50 and 100 %", run: shiftWeights },
  { title: "A tighter circuit breaker: four slow reports at once, not a hundred", run: tightenBreaker },
  { title: "Outlier detection: one instance of v2 begins to fail, and is ejected", run: ejectOutlier },
  { title: "A broken file is refused, and nothing happens to the traffic", run: breakFile },
];

async function addRoute(scene: Scene): Promise<void> {
  const { edges } = scene.stage;
  const arrivals = edges.map((edge) => firstAnswerFrom(scene, edge, { path: "/beta", label: "v2" }));
  const edit = await changeConfig(scene, {
    file: "routes.yaml",
    from: "      - name: everything-else\n",
    to: [
      "      - name: beta",
      "        matches: [{ path: { prefix: /beta } }]",
      "        backends: [{ service: shop, subset: canary }]",
      "      - name: everything-else\n",
    ].join("\n"),
  });
  const seen = await Promise.all(arrivals);
  const cells = seen.map((atMs) => `v2 answers after ${(atMs - edit.savedAtMs).toFixed(0)} ms`);
  showRow(scene, "requests to /beta", cells);
}

/** Asks until a backend with this label answers; resolves with the moment on the clock of `performance.now()`. */
async function firstAnswerFrom(
  { record }: Scene,
  edge: Edge,
  wanted: { readonly path: string; readonly label: string },
): Promise<number> {
  return waitUntil(
    async () => {
      record.extra.sent += 1;
      const answer = await ask(edge.port, wanted.path);
      if (answer.status !== 200) {
        record.extra.failed += 1;
        record.failures.push(`${edge.nodeId} ${wanted.path}: status ${answer.status}`);
      }
      return String(answer.headers["x-backend"]).startsWith(wanted.label) && performance.now();
    },
    { what: `an answer from ${wanted.label} to ${wanted.path}`, timeoutMs: 15_000, everyMs: 1 },
  );
}

async function shiftWeights(scene: Scene): Promise<void> {
  await showShares(scene);
  let from = "default: { stable: 100, canary: 0 }";
  for (const percent of [10, 50, 100]) {
    const to = `default: { stable: ${100 - percent}, canary: ${percent} }`;
    await changeConfig(scene, { file: "routes.yaml", from, to });
    await showShares(scene);
    from = to;
  }
}

async function showShares(scene: Scene): Promise<void> {
  const counts = await measure(scene);
  const cells = counts.map((count) => `v2 ${share(count, "v2").toFixed(1)} % of ${total(count)}`);
  showRow(scene, "steady traffic", cells);
}

/** How many reports are asked for at once. */
const BURST = 20;

async function tightenBreaker(scene: Scene): Promise<void> {
  await showBurst(scene, `${BURST} at once, before`);
  await changeConfig(scene, { file: "services.yaml", from: "{ maxRequests: 100 }", to: "{ maxRequests: 4 }" });
  await showBurst(scene, `${BURST} at once, after`);
  scene.terminal.print(
    scene.terminal.paint(
      "quiet",
      "   overflow: Envoy itself says 503 at once, with x-envoy-overloaded; meant so, not counted as failed",
    ),
  );
}

/** Envoy counts a request over `max_requests` as active overflow and one over `max_pending_requests` as pending overflow. */
const OVERFLOWS = "^cluster\\.reports\\.upstream_rq_(active|pending)_overflow$";

async function showBurst(scene: Scene, name: string): Promise<void> {
  const { record, stage } = scene;
  const cells = stage.edges.map(async (edge) => {
    const url = `http://127.0.0.1:${edge.port}/reports`;
    const before = await overflows(edge);
    const report = await Load.run({
      url,
      count: BURST,
      concurrency: BURST,
      accept: (status) => [200, 503].includes(status),
    });
    const counted = (await overflows(edge)) - before;
    const answered = report.byStatus["200"] ?? 0;
    record.bursts.sent += report.sent;
    record.bursts.refused += report.overloaded;
    record.extra.failed += report.sent - answered - report.overloaded;
    record.failures.push(...report.failures);
    return `${answered} answered, ${counted} overflow`;
  });
  showRow(scene, name, await Promise.all(cells));
}

async function overflows({ envoy }: Edge): Promise<number> {
  return total(Object.fromEntries(await envoy.stats(OVERFLOWS)));
}

/** What fails, and where; the steady traffic asks for `/`, which goes on being answered. */
const FAILING = "v2-b";
const FAILING_PATH = "/probe";
const EJECTED = "cluster.shop|canary.outlier_detection.ejections_active";
/** Small and parallel: failures in a row are what ejects, and a success from the steady traffic between them would start the count anew. */
const PROBES = 6;

async function ejectOutlier(scene: Scene): Promise<void> {
  const { stage, terminal } = scene;
  await changeConfig(scene, {
    file: "services.yaml",
    from: "    circuitBreaker: { maxRequests: 1000, maxRetries: 50 }\n",
    to: [
      "    circuitBreaker: { maxRequests: 1000, maxRetries: 50 }",
      "    outlierDetection:",
      "      { consecutive5xx: 3, interval: 1s, baseEjectionTime: 5s, maxEjectionPercent: 50 }\n",
    ].join("\n"),
  });
  const backend = stage.backends.get(FAILING);
  backend?.set({ failure: { answer: 500, pathPrefix: FAILING_PATH } });
  const failingSinceMs = performance.now();
  const ejectedAtMs = await Promise.all(stage.edges.map((edge) => probeUntilEjected(scene, edge)));
  backend?.set({});
  terminal.print(`   ${FAILING} answers ${FAILING_PATH} with 500; the route's retry hides it from who asks`);
  showRow(
    scene,
    `${FAILING} is ejected`,
    ejectedAtMs.map((atMs) => `after ${(atMs - failingSinceMs).toFixed(0)} ms`),
  );
  const counts = await measure(scene);
  showRow(
    scene,
    "steady traffic",
    counts.map((count) => `${FAILING} ${share(count, FAILING).toFixed(0)} % of ${total(count)}`),
  );
  const backAtMs = await Promise.all(stage.edges.map(async (edge) => untilBack(edge)));
  showRow(
    scene,
    `${FAILING} is back`,
    backAtMs.map((atMs, index) => `after ${((atMs - (ejectedAtMs[index] ?? atMs)) / 1_000).toFixed(1)} s`),
  );
}

/** Resolves with the moment when Envoy's statistics show the ejection. */
function probeUntilEjected({ record }: Scene, edge: Edge): Promise<number> {
  const url = `http://127.0.0.1:${edge.port}${FAILING_PATH}`;
  return waitUntil(
    async () => {
      const report = await Load.run({ url, count: PROBES, concurrency: PROBES });
      record.extra.sent += report.sent;
      record.extra.failed += report.failed;
      record.failures.push(...report.failures);
      return (await edge.envoy.counter(EJECTED)) > 0 && performance.now();
    },
    { what: `${edge.nodeId} to eject ${FAILING}` },
  );
}

function untilBack({ envoy, nodeId }: Edge): Promise<number> {
  return waitUntil(async () => (await envoy.counter(EJECTED)) === 0 && performance.now(), {
    what: `${nodeId} to take ${FAILING} back`,
    timeoutMs: 20_000,
    everyMs: 50,
  });
}

async function breakFile(scene: Scene): Promise<void> {
  const { stage, terminal } = scene;
  const { fairway, configDir, edges } = stage;
  const before = await wantedVersions(fairway);
  const [right, wrong] = ["        split: shop\n", "        split: shpo\n"];
  const edit = await editFile(configDir, "routes.yaml", { from: right, to: wrong });
  const diagnostics = await untilRefused(fairway);
  const refusedAfterMs = performance.now() - edit.savedAtMs;
  showEdit(terminal, edit);
  terminal.print(`   ${"save → refused".padEnd(20)} ${refusedAfterMs.toFixed(0)} ms`);
  for (const diagnostic of diagnostics) {
    const drawn = drawDiagnostic(diagnostic, { colour: terminal.color });
    terminal.print(drawn.replaceAll(/^/gm, "     "));
  }
  await showShares(scene);
  const after = await wantedVersions(fairway);
  const kept = edges.map(
    ({ nodeId }) => `${after.get(nodeId) === before.get(nodeId) ? "kept" : "CHANGED TO"} ${after.get(nodeId)}`,
  );
  showRow(scene, "version", kept);
  const mended = await editFile(configDir, "routes.yaml", { from: wrong, to: right });
  await untilTaken(fairway);
  terminal.print("   put back, and then the canary is taken back:");
  showEdit(terminal, mended);
  const [from, to] = ["default: { stable: 0, canary: 100 }", "default: { stable: 100, canary: 0 }"];
  await changeConfig(scene, { file: "routes.yaml", from, to });
  await showShares(scene);
}
