/**
 * The whole gate: format, lint, types, unused code and every test; `npm test` and `npm run check`.
 *
 * All steps run even when one fails, so that one run names everything. Arguments go to vitest (a file name, `-t` and a
 * title). The last line counts tests and steps in words that build servers read: `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binDir, root } from "./project.mjs";

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const steps: readonly Step[] = [
  { name: "format (put right by: npm run format)", command: ["oxfmt", "--check", "."] },
  { name: "lint", command: ["oxlint"] },
  { name: "types", command: ["tsc", "-p", "."] },
  { name: "unused files, exports and dependencies", command: ["knip"] },
];

interface Count {
  readonly passed: number;
  readonly failed: number;
}

function check(args: readonly string[]): Count {
  const results = [...steps.map(runStep), runTests(args)];
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failed: results.reduce((sum, result) => sum + result.failed, 0),
  };
}

/** Runs one step; its output is shown only when it fails. */
function runStep({ name, command: [program, ...args] }: Step): Count {
  const startMs = performance.now();
  const result = spawnSync(join(binDir, program), args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const ok = result.status === 0;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`${ok ? "ok  " : "FAIL"} ${name}, ${seconds} s\n`);
  if (!ok) process.stdout.write(`${result.stdout}${result.stderr}${result.error?.message ?? ""}\n`);
  return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs vitest with our terminal. A run that broke without a failed test counts as one failure. */
function runTests(args: readonly string[]): Count {
  const report = join(root, ".cache", "vitest.json");
  mkdirSync(join(root, ".cache"), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const result = spawnSync(join(binDir, "vitest"), ["run", ...reporters, ...args], { cwd: root, stdio: "inherit" });
  const count = readReport(report);
  const broken = result.status !== 0 && count.failed === 0;
  return broken ? { ...count, failed: 1 } : count;
}

function readReport(path: string): Count {
  try {
    const report: unknown = JSON.parse(readFileSync(path, "utf8"));
    const { numPassedTests, numFailedTests } = report as { numPassedTests: number; numFailedTests: number };
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    // vitest ended before it could write its report; its exit code tells.
    return { passed: 0, failed: 0 };
  }
}

const count = check(process.argv.slice(2));
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed\n`);
process.exitCode = count.failed === 0 ? 0 : 1;
