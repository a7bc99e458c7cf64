/** Deno's language server, spoken to as an editor does: what it says here is what an author sees. */
import { pathToFileURL } from "node:url";

const WAIT_MS = 60_000;

export interface LanguageServer extends AsyncDisposable {
  /** What it offers where the text has a `|`, in a file of the project that need not exist. */
  complete(file: string, textWithCursor: string): Promise<string[]>;
  /** What it says is wrong with a file. */
  diagnose(file: string, text: string): Promise<{ line: number; message: string }[]>;
}

interface Message {
  id?: number;
  method?: string;
  params?: { items?: unknown[] };
  result?: unknown;
  error?: { message: string };
}

/** Starts one for a project. Every question is answered in {@linkcode WAIT_MS}, or fails. */
export async function startLanguageServer(root: string): Promise<LanguageServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["lsp"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0, version = 0;

  const send = async (message: object) => {
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    await input.write(new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`));
    await input.write(body);
  };
  const ask = async (method: string, params: object): Promise<unknown> => {
    const id = ++lastId, { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => reject(new Error(`no answer to ${method} in ${WAIT_MS} ms`)), WAIT_MS);
    try {
      await send({ id, method, params });
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  };
  const take = async ({ id, method, params, result, error }: Message) => {
    if (id === undefined) return;
    if (method === "workspace/configuration") await send({ id, result: params!.items!.map(() => ({ enable: true })) });
    else if (method !== undefined) await send({ id, result: null });
    else if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
  };
  const reading = (async () => {
    for await (const message of messages(child.stdout)) await take(message);
    for (const { reject } of waiting.values()) reject(new Error("the language server ended"));
  })();

  const uri = pathToFileURL(root).href;
  await ask("initialize", {
    processId: Deno.pid,
    rootUri: uri,
    workspaceFolders: [{ uri, name: "project" }],
    initializationOptions: { enable: true, lint: false },
    capabilities: { workspace: { configuration: true }, textDocument: { diagnostic: {} } },
  });
  await send({ method: "initialized", params: {} });
  const open = async (file: string, text: string) => {
    const textDocument = { uri: `${uri}/${file}`, languageId: "typescript", version: ++version, text };
    await send({ method: "textDocument/didOpen", params: { textDocument } });
    return { uri: textDocument.uri };
  };

  return {
    complete: async (file, textWithCursor) => {
      const [before, after] = textWithCursor.split("|");
      const textDocument = await open(file, before + after);
      const lines = before.split("\n"), position = { line: lines.length - 1, character: lines.at(-1)!.length };
      const answer = await ask("textDocument/completion", { textDocument, position, context: { triggerKind: 1 } });
      await send({ method: "textDocument/didClose", params: { textDocument } });
      return (answer as { items: { label: string }[] } | null)?.items.map(({ label }) => label) ?? [];
    },
    diagnose: async (file, text) => {
      const textDocument = await open(file, text);
      const answer = await ask("textDocument/diagnostic", { textDocument });
      await send({ method: "textDocument/didClose", params: { textDocument } });
      const { items } = answer as { items: { range: { start: { line: number } }; message: string }[] };
      return items.map(({ range, message }) => ({ line: range.start.line + 1, message }));
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await Promise.all([child.status, reading]);
      await input.abort().catch(() => {}); // its other end is gone
    },
  };
}

/** The messages of a stream: each has a header with its length. */
async function* messages(stream: ReadableStream<Uint8Array>): AsyncIterable<Message> {
  let bytes = new Uint8Array();
  for await (const chunk of stream) {
    bytes = new Uint8Array([...bytes, ...chunk]);
    while (true) {
      const header = /^Content-Length: (\d+)\r\n(?:.*\r\n)*?\r\n/.exec(
        new TextDecoder().decode(bytes.subarray(0, 200)),
      );
      if (!header) break;
      const from = header[0].length, to = from + Number(header[1]);
      if (bytes.length < to) break;
      yield JSON.parse(new TextDecoder().decode(bytes.subarray(from, to)));
      bytes = bytes.slice(to);
    }
  }
}
