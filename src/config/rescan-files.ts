/**
 * A first look at a few files that a watch named, so that an atomic rename need not wait for a scan of
 * thousands of others.
 *
 * It holds only for what a full scan knows already: regular files that are still regular files, reached
 * over links that still lead where they led. Anything else is undefined, and a full scan decides; one
 * follows in any case.
 */
import type { Scan, ScanRequest } from "./scan-tree.ts";
import { linksStayed, readChanged } from "./scan-tree.ts";

/** The scan before with these files, named by real path, read again. */
export async function rescanFiles(
  request: ScanRequest,
  previous: Scan,
  realPaths: ReadonlySet<string>,
): Promise<Scan | undefined> {
  const files = new Map(previous.files);
  const byRealPath = new Map(previous.byRealPath);
  const links = new Map<string, string>();
  for (const realPath of realPaths) {
    const before = previous.byRealPath.get(realPath);
    const stat = await request.port.lstat(realPath, { bigint: true }).catch(() => undefined);
    if (before === undefined || stat === undefined || !stat.isFile()) return undefined;
    if (stat.size > BigInt(request.limits.fileBytesMax)) return undefined;
    const read = await readChanged(request, previous, { ...before, stat }, before);
    if (read === undefined || "code" in read) return undefined;
    files.set(read.path, read);
    byRealPath.set(realPath, read);
    for (const link of before.links) links.set(link, previous.links.get(link) ?? "");
  }
  if (!(await linksStayed(request.port, links))) return undefined;
  return { ...previous, files, byRealPath };
}
