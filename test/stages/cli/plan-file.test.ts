/** Where in a plan's file a problem is drawn: at the key or the value that is wrong, and once for all steps. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPlanFile } from "../../../src/cli/plan-file.ts";
import { tempDir } from "../../support/temp-dir.ts";

const lines = [
  "steps:",
  "  - { weight: 5, holdd: 8s }",
  "  - { weight: 25, holdd: 8s }",
  "  - { weight: 50, hold: 8 }",
];

async function drawn(problems: readonly string[]): Promise<readonly string[]> {
  await using directory = await tempDir();
  const path = join(directory.path, "plan.yaml");
  writeFileSync(path, `${lines.join("\n")}\n`);
  const read = readPlanFile(path);
  if (!read.ok) throw new Error(read.error);
  return read.value.draw(problems, false).map((text) => text.replace(path, "plan.yaml"));
}

test("an unknown key is marked itself, and told once with the steps that have it too", async () => {
  const unknown = "unknown key `holdd`: did you mean `hold`?";
  const problems = [`steps[0].holdd: ${unknown}`, `steps[1].holdd: ${unknown}`];
  const told = await drawn(problems);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(`plan.yaml:2:18: error[invalid-value]: ${unknown} (the same in steps[1])`);
  expect(told[0]).toMatch(/\| {18}\^{5}$/m);
});

test("a wrong value is marked itself, and what is of the end of the plan at its last step", async () => {
  const problems = ["steps[2].hold: is not a duration", "steps[2]: the promotion after the last step: too much"];
  const [value, end] = await drawn(problems);
  expect(value).toContain("plan.yaml:4:25: ");
  expect(end).toContain("plan.yaml:4:5: ");
});
