/**
 * Saves every stream of a NATS account to a folder with its consumers, or restores them from there:
 *
 *     deno run --allow-net --allow-env --allow-read --allow-write deploy/nats/backup.ts save|restore DIR [STREAM…]
 *
 * It connects with the variables of Weir. The files are those of `nats stream backup` and `nats stream restore`.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { withCluster } from "../../runtime/app/cluster.ts";
import { commandConfig } from "../../runtime/cli/terminal/command_config.ts";
import { newInbox, subjectOn } from "../../runtime/nats/client/subject_prefixes.ts";

/** Bytes of a message, below the usual `max_payload` of 1 MiB. */
const CHUNK_BYTES = 128 * 1024;
/** Milliseconds to wait for the next chunk, or for the answer to one. The end of a large restore takes long. */
const CHUNK_MS = 60_000, RESTORE_MS = 600_000;
/**
 * Streams that are saved after all others, in this order. An event is stored there before it leaves its stream, so a
 * copy that is made while processes run has such an event in both rather than in neither.
 */
const LAST = [/(^|_)RETRIES$/, /(^|_)DEAD_LETTERS$/, /^KV_/];

interface Answer {
  readonly error?: { readonly description: string };
}

async function request<Result>(nc: NatsConnection, subject: string, body: object, timeout = CHUNK_MS): Promise<Result> {
  const answer = (await nc.request(subjectOn(nc, subject), JSON.stringify(body), { timeout })).json<Result & Answer>();
  if (answer.error) throw new Error(`${subject}: ${answer.error.description}`);
  return answer;
}

/** Saves a stream. Returns its number of messages. */
async function save(nc: NatsConnection, stream: string, folder: string): Promise<number> {
  await Deno.mkdir(folder, { recursive: true });
  const deliver_subject = newInbox(nc), chunks = nc.subscribe(deliver_subject);
  const body = { deliver_subject, chunk_size: CHUNK_BYTES };
  const answer = await request<{ state: { messages: number } }>(nc, `$JS.API.STREAM.SNAPSHOT.${stream}`, body);
  using file = await Deno.open(`${folder}/stream.tar.s2`, { write: true, create: true, truncate: true });
  let timer = setTimeout(() => chunks.unsubscribe(), CHUNK_MS), ended = false;
  for await (const { data, headers, reply } of chunks) {
    clearTimeout(timer);
    if (data.length === 0) {
      if (headers && headers.code >= 400) throw new Error(`${stream}: ${headers.code} ${headers.description}`);
      ended = true;
      break;
    }
    for (let written = 0; written < data.length;) written += await file.write(data.subarray(written));
    if (reply) nc.publish(reply); // the server sends more
    timer = setTimeout(() => chunks.unsubscribe(), CHUNK_MS);
  }
  clearTimeout(timer);
  if (!ended) throw new Error(`${stream}: the server sent nothing for ${CHUNK_MS / 1_000} s`);
  await file.sync();
  // Written last: a folder without it is no whole copy.
  await Deno.writeTextFile(`${folder}/backup.json`, JSON.stringify(answer, null, 2));
  return answer.state.messages;
}

/** Restores a stream, which must not exist. Returns its number of messages. */
async function restore(nc: NatsConnection, stream: string, folder: string): Promise<number> {
  const { config, state } = JSON.parse(await Deno.readTextFile(`${folder}/backup.json`));
  const subject = `$JS.API.STREAM.RESTORE.${stream}`;
  const { deliver_subject } = await request<{ deliver_subject: string }>(nc, subject, { config, state });
  using file = await Deno.open(`${folder}/stream.tar.s2`);
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let length = await file.read(chunk); length !== null; length = await file.read(chunk)) {
    const answer = await nc.request(deliver_subject, chunk.slice(0, length), { timeout: CHUNK_MS });
    if (answer.data.length > 0) throw new Error(`${stream}: ${answer.json<Answer>().error?.description}`);
  }
  const end = (await nc.request(deliver_subject, "", { timeout: RESTORE_MS })).json<Answer & { state: typeof state }>();
  if (end.error) throw new Error(`${stream}: ${end.error.description}`);
  return end.state.messages;
}

function rank(stream: string): number {
  return LAST.findIndex((pattern) => pattern.test(stream));
}

async function savedStreams(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) if (isDirectory) names.push(name);
  return names;
}

const [action, folder, ...only] = Deno.args;
if (!["save", "restore"].includes(action) || !folder) {
  console.error("usage: backup.ts save|restore DIR [STREAM…]");
  Deno.exit(2);
}
try {
  await withCluster(commandConfig(), async ({ nc, jsm }) => {
    const stored: string[] = [];
    for await (const { config } of jsm.streams.list()) stored.push(config.name);
    const all = action === "save" ? stored : await savedStreams(folder);
    const chosen = only.length > 0 ? only : all.toSorted((one, other) => rank(one) - rank(other));
    const existing = action === "restore" ? chosen.filter((name) => stored.includes(name)) : [];
    if (existing.length > 0) throw new Error(`nothing was restored: ${existing.join(", ")} exist already`);
    for (const name of chosen) {
      const messages = await (action === "save" ? save : restore)(nc, name, `${folder}/${name}`);
      console.log(`${name}: ${messages} messages ${action === "save" ? "saved" : "restored"}`);
    }
  });
} catch (error) {
  console.error(`backup: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
