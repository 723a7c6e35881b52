/**
 * The corpus of wrong inputs as `fairway check` sees it: every problem has its code, line and column, and says
 * what is wrong in words.
 */
import { describe, expect, it } from "vitest";
import { isConfidential } from "../../../src/model/conceal.ts";
import { diagnose } from "../../support/diagnose.ts";
import { corpus } from "../../support/wrong-inputs/corpus.ts";
import { summarize } from "./parse-text.ts";

const textOf = (input: string | Uint8Array) => (typeof input === "string" ? input : new TextDecoder().decode(input));

describe.each(corpus)("wrong %s", (_, rows) => {
  it.each(rows)("places %s", (_title, input, ...expected) => {
    const { diagnostics, isServed } = diagnose(input);
    expect(summarize(diagnostics.filter(({ severity }) => severity === "error"))).toEqual(expected);
    expect(isServed).toBe(false);
    for (const { message, source, hint, severity } of diagnostics) {
      expect(message).not.toMatch(/undefined|\[object/);
      // Of files with secrets no line is shown, and no hint that could quote one.
      const isSecret = isConfidential(textOf(input));
      expect(source === undefined).toBe(isSecret);
      if (severity === "error" && !isSecret) expect(hint).toMatch(/\w/);
    }
  });
});
