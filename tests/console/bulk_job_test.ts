import assert from "node:assert/strict";
import { BulkJobs } from "../../runtime/console/bulk_job.ts";
import type { DeadLetter } from "../../runtime/core/dead_letter.ts";
import type { Problem } from "../../runtime/http/problem.ts";
import type { DeadLetterService } from "../../runtime/nats/dead_letters/service.ts";
import { eventually } from "../support/eventually.ts";

type Parked = Map<string, string>;

/** Dead letters of which the first has parked the key `k` of the function `ship`. */
class FakeService {
  readonly calls: string[] = [];
  begin = Promise.withResolvers<void>();
  stopAt = Infinity;

  groups = () => Promise.resolve({ groups: [], ungrouped: 3 });

  async *list() {
    await this.begin.promise;
    for (const sequence of [1, 2, 3]) {
      if (sequence === this.stopAt) throw new Error("no answer");
      yield { sequence } as DeadLetter;
    }
  }

  discard(sequence: number, later?: Parked): Promise<boolean> {
    this.calls.push(`discard ${sequence}`);
    if (sequence === 1) later?.set("k", "ship");
    return Promise.resolve(true);
  }

  sendParked(keys: Parked): Promise<void> {
    this.calls.push(`send back ${[...keys].join()}`);
    return Promise.resolve();
  }
}

function setup() {
  const service = new FakeService(), jobs = new BulkJobs(service as unknown as DeadLetterService);
  return { service, jobs, ended: (id: string) => eventually(() => jobs.status(id)!.state !== "running") };
}

Deno.test("BulkJobs.begin sends parked events back after all dead letters are discarded, since those may be among them", async () => {
  const { service, jobs, ended } = setup();
  service.begin.resolve();
  const { id } = await jobs.begin("discard", {}, false);
  await ended(id);
  assert.deepEqual(service.calls, ["discard 1", "discard 2", "discard 3", "send back k,ship"]);
  assert.deepEqual([jobs.status(id)!.state, jobs.status(id)!.tally.discarded], ["done", 3]);
});

Deno.test("BulkJobs.begin sends parked events back also if the job is cancelled or fails", async () => {
  for (const [state, interrupt] of [["cancelled", true], ["failed", false]] as const) {
    const { service, jobs, ended } = setup(), { id } = await jobs.begin("discard", {}, false);
    if (interrupt) jobs.cancel(id);
    else service.stopAt = 1;
    service.begin.resolve();
    await ended(id);
    assert.deepEqual([jobs.status(id)!.state, service.calls], [state, ["send back "]]);
  }
});

Deno.test("BulkJobs.begin refuses a job while twenty are running, and forgets one that has ended", async () => {
  const { service, jobs, ended } = setup(), ids: string[] = [];
  for (let n = 0; n < 20; n++) ids.push((await jobs.begin("discard", {}, false)).id);
  await assert.rejects(jobs.begin("discard", {}, false), (problem) => (problem as Problem).status === 429);
  service.begin.resolve();
  for (const id of ids) await ended(id);
  const { id } = await jobs.begin("discard", {}, false);
  assert.equal(jobs.status(ids[0]), undefined);
  await ended(id);
});
