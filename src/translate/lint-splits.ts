/**
 * Warnings about splits whose users shall keep their backend, and that no request goes by: connections do
 * not say who the user is.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Intent } from "../model/intent.ts";

/** Those that nothing at all uses are told elsewhere. */
export function lintSplits({ splits, routes, l4Routes }: Intent): readonly Diagnostic[] {
  const sticky = splits.filter((split) => split.sticky !== undefined);
  if (sticky.length === 0) return [];
  const byRequests = new Set(routes.flatMap(({ rules }) => rules.map(({ target }) => target.split?.name)));
  return sticky.flatMap(({ name, at }): readonly Diagnostic[] => {
    const route = l4Routes.find(({ target }) => target.split?.name === name);
    if (route === undefined || byRequests.has(name)) return [];
    return [
      {
        code: "sticky-without-requests",
        severity: "warning",
        message: `\`sticky\` of the split \`${name}\` has no effect: only routes of TCP or TLS use it, which know no users`,
        at,
        hint: "remove `sticky`, or name the split in a rule under `routes`",
        related: { at: route.at, message: "one of these routes" },
      },
    ];
  });
}
