import { catalogOf } from "../../catalog/catalog.ts";
import { covers } from "../../core/subjects.ts";
import { type VerifiedEvents, verifySchemas } from "../../nats/impact/verify_schemas.ts";
import { loadEvents, PROJECT } from "../../project/load_project.ts";
import { projectIdentity } from "../../project/deno_json.ts";
import { redactor, secretsOf } from "../../telemetry/otel/logs/redact.ts";
import { commandConfig } from "../terminal/command_config.ts";
import { CommandFailure } from "../terminal/exit_codes.ts";
import { printJson } from "../terminal/output.ts";
import { OPERATED, withOwnedCluster } from "../terminal/owned_cluster.ts";
import { Progress } from "../terminal/progress.ts";
import { type Row, table } from "../terminal/table.ts";

/** Age of the oldest events of streams that are read by default: a day, in milliseconds. */
const SINCE_AGO_MS = 86_400_000;

interface Options {
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly type?: string;
  readonly samples: number;
  readonly json?: boolean;
}

/** Runs the schemas over stored events. @throws {CommandFailure} if they refuse any */
export async function verify({ since = Date.now() - SINCE_AGO_MS, type, samples, json }: Options): Promise<void> {
  const config = commandConfig(), registry = { ...await loadEvents(), ...await projectIdentity(PROJECT) };
  const progress = new Progress("checked");
  const verified = await withOwnedCluster(config, OPERATED, (cluster) => {
    const { events, streamOf } = catalogOf(registry, cluster.names);
    const chosen = type === undefined ? events : events.filter((event) => covers(type, event.type));
    if (chosen.length === 0) throw new CommandFailure(`no event of the project has a type like ${type}`);
    return verifySchemas(cluster, {
      ...{ events: chosen, streamOf, sinceMs: since, samples },
      progress: (read) => progress.at(read),
    });
  }, registry).finally(() => progress.end());
  const shown = redacted(verified),
    sum = (of: (one: VerifiedEvents) => number) => shown.reduce((n, one) => n + of(one), 0);
  const read = sum((one) => one.read), refused = sum((one) => one.refused);
  if (json) printJson({ since: new Date(since).toISOString(), read, refused, events: shown });
  else console.log(read === 0 ? "no stored events" : verifiedText(shown));
  if (refused > 0) throw new CommandFailure(`${refused} of ${read} stored events would be refused`);
}

/** Removes the secrets of the environment from the errors: a value of the data may be in one. */
function redacted(verified: readonly VerifiedEvents[]): VerifiedEvents[] {
  const redact = redactor(secretsOf(Deno.env.toObject(), readFile));
  return verified.map((one) => ({
    ...one,
    samples: one.samples.map((sample) => ({ ...sample, id: redact(sample.id), error: redact(sample.error) })),
  }));
}

function readFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** Returns a table of types and streams, with the samples of refused events below each. */
export function verifiedText(verified: readonly VerifiedEvents[]): string {
  const rows = verified.flatMap(({ type, stream, read, refused, refusedBefore, samples }): Row[] => [
    [type, stream, read, refused, refusedBefore === 0 ? "" : refusedBefore],
    ...samples.map(({ sequence, id, version, error }) => {
      return { below: `${sequence} (${id}${version === null ? "" : `, version ${version}`}): ${error}` };
    }),
  ]);
  return table(["event", "stream", "events", "refused", "invalid before"], rows);
}
