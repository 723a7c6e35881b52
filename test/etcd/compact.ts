/** What only a test does to an etcd: it forgets everything before a revision. */
import { request } from "node:http";

/** By etcd's JSON gateway, because Fairway itself never compacts. */
export function compact(endpoint: string, revision: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(`http://${endpoint}/v3/kv/compaction`, { method: "POST" }, (answer) => {
      answer.resume();
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`compaction: status ${answer.statusCode}`));
      });
    });
    call.on("error", reject);
    call.end(JSON.stringify({ revision, physical: true }));
  });
}
