/**
 * The examples and what they render to: `examples/` goes in, `snapshots/` comes out.
 *
 * Shared by the test that compares and the script that writes, so that they cannot disagree.
 */
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/cli/load-config.ts";
import { drawDiagnostics } from "../../src/model/draw-diagnostic.ts";
import { renderSnapshot } from "../../src/snapshot/render.ts";
import { envoyApi } from "./envoy-api.ts";

const root = join(import.meta.dirname, "../..");

export const examplesDir = join(root, "examples");
export const snapshotsDir = join(root, "snapshots");

/** The group that a config without `nodes` has; its files stand in the example's own folder. */
const unnamedGroup = "default";

/** Their YAML is for others: an OpenTelemetry collector, and GitHub, GitLab and `fairway rollout`. */
const foreignExamples: readonly string[] = ["otel-collector", "ci"];

/** Names of the examples that are configs, sorted; others show what a service does. */
export function listExamples(): readonly string[] {
  return readdirSync(examplesDir)
    .filter((name) => !foreignExamples.includes(name))
    .filter((name) => globSync("**/*.{yaml,yml,json}", { cwd: join(examplesDir, name) }).length > 0)
    .toSorted();
}

/** What an example renders to: path under `snapshots/` → text. An example must not even cause a warning. */
export async function renderExample(name: string): Promise<ReadonlyMap<string, string>> {
  const { diagnostics, snapshots } = await loadConfig([join(examplesDir, name)], envoyApi);
  if (snapshots === undefined || diagnostics.length > 0) {
    throw new Error(`examples/${name} has problems:\n${drawDiagnostics(diagnostics, { colour: false })}`);
  }
  const files = new Map<string, string>();
  for (const snapshot of snapshots.values()) {
    const folder = snapshot.group === unnamedGroup ? name : `${name}/${snapshot.group}`;
    files.set(`${folder}/VERSION`, `${snapshot.version}\n`);
    for (const [file, text] of renderSnapshot(snapshot, envoyApi, "yaml")) files.set(`${folder}/${file}`, text);
  }
  return files;
}

/** What is checked in: path under `snapshots/` → text. */
export function readGoldens(): ReadonlyMap<string, string> {
  const entries = readdirSync(snapshotsDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name).slice(snapshotsDir.length + 1));
  return new Map(paths.map((path) => [path, readFileSync(join(snapshotsDir, path), "utf8")]));
}

/** `canary/routes.yaml` and where it is, for every file of every example. */
export function exampleFiles(): readonly (readonly [name: string, path: string])[] {
  return listExamples().flatMap((example) =>
    globSync("**/*.{yaml,yml,json}", { cwd: join(examplesDir, example) })
      .toSorted()
      .map((file) => [`${example}/${file}`, join(examplesDir, example, file)] as const),
  );
}
