/**
 * The report of a rollout, in the form that is asked for.
 */
import { allChangeBounds, changeBounds } from "../rollout/report-changes.ts";
import { reportOf } from "../rollout/report.ts";
import { reportHtml } from "../rollout/report-html.ts";
import { reportJunit } from "../rollout/report-junit.ts";
import { reportMarkdown } from "../rollout/report-markdown.ts";
import type { ActionRequest } from "./actions.ts";
import type { AdminViews } from "./admin-views.ts";
import type { Answer } from "./problem.ts";
import { problem } from "./problem.ts";
import { rolloutChanges } from "./rollout-changes.ts";
import { rolloutReportQuery } from "./rollout-routes.ts";

/** `GET /v1/rollouts/{split}/report`. */
export async function getRolloutReport(
  views: Pick<AdminViews, "rollout" | "nowMs" | "groups" | "snapshots" | "renderResource" | "splits">,
  { params, query }: ActionRequest,
): Promise<Answer> {
  const asked = rolloutReportQuery.safeParse(query);
  if (!asked.success) {
    const wrong = asked.error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
    return problem(400, `the query is wrong: ${wrong.join("; ")}`);
  }
  const { number, format, all } = asked.data;
  const split = params["split"] ?? "";
  const found = await views.rollout(split, number);
  if (found === undefined) return problem(404, `there is no such rollout of \`${split}\``);
  const changes = await rolloutChanges(found.record, views, all ? allChangeBounds : changeBounds);
  const report = reportOf(found.record, views.nowMs(), changes);
  switch (format) {
    case "md":
      return text(reportMarkdown(report), "text/markdown");
    case "junit":
      return text(reportJunit(report), "application/xml");
    case "html":
      return text(reportHtml(report), "text/html");
    case "json":
      return { status: 200, body: report };
  }
}

function text(body: string, type: string): Answer {
  return { status: 200, body, headers: { "content-type": `${type}; charset=utf-8` } };
}
