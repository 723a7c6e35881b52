/**
 * How a value would be written where a list or a map is wanted and something else stands.
 */

/** An example of the right form with what is written already, or undefined. */
export function rightForm(key: string, value: unknown, expected: string): string | undefined {
  if (expected === "array") return asList(key, value);
  return expected === "record" && Array.isArray(value) ? asMap(key, value) : undefined;
}

function asList(key: string, value: unknown): string | undefined {
  // Envoy and Istio write such lists as one text.
  if (typeof value === "string" && /^[^,]+(?:,[^,]+)+$/.test(value)) {
    return `write a list: \`${key}: [${value
      .split(",")
      .map((item) => quoted(item.trim()))
      .join(", ")}]\``;
  }
  if (typeof value === "string" || typeof value === "number") return `write a list: \`${key}: [${quoted(value)}]\``;
  if (value === null || typeof value !== "object") return undefined;
  return `write a list: \`${key}: [{ … }]\`, or put \`- \` before the first key of each item`;
}

/** Gateway API writes `[{ name: x-canary, value: always }]`. */
function asMap(key: string, items: readonly unknown[]): string | undefined {
  const pairs = items.flatMap((item) => {
    const { name, value } = (item ?? {}) as { readonly name?: unknown; readonly value?: unknown };
    return typeof name === "string" && typeof value === "string" ? [`${name}: ${quoted(value)}`] : [];
  });
  const example = pairs.length === items.length && pairs.length > 0 ? pairs.slice(0, 3).join(", ") : "name: value";
  return `write a map: \`${key}: { ${example} }\``;
}

function quoted(value: string | number): string {
  return typeof value === "number" || /^[\w./-]*[A-Za-z/][\w./-]*$/.test(value) ? String(value) : JSON.stringify(value);
}
