/**
 * The style sheet of a report's page: light or dark as its reader has it, and for a desk or a phone. All that it needs is
 * in it, and the page's security policy names its hash, so nothing else styles or runs in the page.
 */
import { createHash } from "node:crypto";

export const reportStyle = `
:root{color-scheme:light dark;--bg:#f4f6f8;--card:#fff;--ink:#18202b;--dim:#5a6675;--line:#e1e6ec;--v1:#8792a3;--v2:#2563eb;--good:#15803d;--bad:#c42b2f;--warn:#a16207;--idle:#64748b}
@media (prefers-color-scheme:dark){:root{--bg:#0e1217;--card:#161b22;--ink:#e6eaf0;--dim:#9aa5b4;--line:#2a323c;--v1:#8d99ab;--v2:#6aa5ff;--good:#4ac07e;--bad:#ff7470;--warn:#e2b04a;--idle:#94a3b8}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main{max-width:920px;margin:0 auto;padding:32px 20px 48px}
h1{font-size:28px;line-height:1.2;margin:4px 0 10px;letter-spacing:-.01em}
h2{font-size:17px;margin:0 0 4px}
p{margin:0 0 10px}
.eyebrow,.note,footer{color:var(--dim);font-size:13px}
.eyebrow{margin:0}
.why{font-size:17px;max-width:72ch}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin-top:16px}
.top{border-top:4px solid var(--idle)}
.top.good{border-top-color:var(--good)}.top.bad{border-top-color:var(--bad)}.top.warn{border-top-color:var(--warn)}
.advice{margin:14px 0 0}
.caution{margin:8px 0 0;color:var(--warn)}
.pill{display:inline-block;border-radius:99px;padding:1px 10px;font-size:13px;font-weight:600;border:1px solid currentColor;color:var(--idle);white-space:nowrap}
.pill.good{color:var(--good)}.pill.bad{color:var(--bad)}.pill.warn{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin-top:16px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
.tile b{display:block;font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{color:var(--dim);font-size:13px;display:block}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:0 0 8px;padding:0;list-style:none;font-size:13px;color:var(--dim)}
.legend svg{width:12px;height:12px;margin-right:6px;vertical-align:-1px}
.chart svg{display:block;width:100%;height:auto}
.narrow{display:none}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:6px 0 6px 16px;border-top:1px solid var(--line);vertical-align:top}
thead th{border-top:0;color:var(--dim);font-weight:600;font-size:13px}
th:first-child,td:first-child{text-align:left;padding-left:0;font-weight:400}
th,td{overflow-wrap:break-word}
thead th{overflow-wrap:anywhere}
td small{color:var(--dim);font-size:13px;white-space:nowrap}
td .meter{display:block;width:100%;height:6px;margin-top:5px}
.steps{list-style:none;margin:0;padding:0}
.steps>li{border-top:1px solid var(--line);padding:12px 0}
.steps>li:first-child{border-top:0}
.steps>li:last-child{padding-bottom:0}
.steps p{margin:6px 0 0}
.row{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center}
.facts{display:flex;flex-wrap:wrap;gap:2px 20px;margin:6px 0 0;font-size:13px;color:var(--dim)}
.facts div{display:flex;gap:6px}
.facts dt{white-space:nowrap}
.facts dd{margin:0;color:var(--ink);font-variant-numeric:tabular-nums}
.facts dd.warn{color:var(--warn);font-weight:600}
ul.plain{margin:8px 0 0;padding-left:18px}
.audit td{text-align:left}
.audit td:first-child{width:1%;white-space:nowrap;color:var(--dim);padding-right:0}
.audit td:nth-child(2){width:18%;padding-right:8px}
footer{margin-top:20px}
svg{overflow:visible}
svg .t{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--dim)}
svg .strong{fill:var(--ink);font-weight:600}
svg .grid{stroke:var(--line)}
svg .axis{stroke:var(--dim);stroke-opacity:.6}
svg .v1{fill:var(--v1)}svg .v2{fill:var(--v2)}
svg .good{fill:var(--good)}svg .bad{fill:var(--bad)}svg .warn{fill:var(--warn)}svg .idle{fill:var(--idle)}
svg .area{fill-opacity:.16}
svg .rise{stroke:var(--dim);stroke-opacity:.5}
svg .tread{stroke-width:3}
svg .tread.good{stroke:var(--good)}svg .tread.bad{stroke:var(--bad)}svg .tread.warn{stroke:var(--warn)}svg .tread.idle{stroke:var(--idle)}
svg .ended{stroke-dasharray:3 3}
svg .ack{fill:var(--card);stroke:var(--ink);stroke-width:1.5}
svg .whisker{fill:none;stroke:var(--ink);stroke-width:1.5}
.legend .limit{stroke-dasharray:4 2}
svg .limit{stroke:var(--warn);stroke-width:1.5;stroke-dasharray:5 4}
svg .spread{fill-opacity:.3;stroke-width:1.75}
svg .spread.v1,svg .reach.v1{stroke:var(--v1)}svg .spread.v2,svg .reach.v2{stroke:var(--v2)}
svg .reach{stroke-width:2;stroke-opacity:.55}
svg .rail{fill:var(--line)}
@media (max-width:640px){
main{padding:20px 12px 32px}
h1{font-size:23px}
.why{font-size:16px}
.card{padding:14px}
.tiles{grid-template-columns:repeat(2,1fr);gap:10px}
.tile b{font-size:21px}
.wide{display:none}.narrow{display:block}
td small{display:block;font-size:11.5px}
th,td{padding-left:8px}
.audit tr{display:block;border-top:1px solid var(--line);padding:6px 0}
.audit td,.audit td:first-child{display:inline;border:0;padding:0 6px 0 0}
}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
`;

/** What a browser may do with the page: show it. */
export const reportPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(reportStyle).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
