/** A mistake in a file, as an editor would underline it. Lines and columns are from 1. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

interface Answer {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly items?: readonly unknown[] };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Item {
  readonly severity?: number;
  readonly source?: string;
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

const ERROR = 1, TYPES = "deno-ts", CHANGED = 2, OVER = "the language server ended";

/**
 * Deno's own language server, the one behind an editor: it keeps the compiled program in memory, so that to check a
 * file that changed takes it some forty milliseconds, where `deno check` takes a second. It ends when its input does.
 */
export class LanguageServer {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #open = new Map<string, number>();
  #id = 0;
  #over = false;
  readonly ended: Promise<void>;

  constructor(readonly root: URL) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["lsp", "--quiet"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.ended = this.#read().catch(() => {}).finally(() => {
      this.#over = true;
      for (const { reject } of this.#waiting.values()) reject(new Error(OVER));
      this.#waiting.clear();
    });
  }

  /** Before anything else. */
  async initialize(): Promise<void> {
    await this.request("initialize", {
      processId: Deno.pid,
      rootUri: this.root.href,
      workspaceFolders: [{ uri: this.root.href, name: "project" }],
      initializationOptions: { enable: true, lint: false },
      capabilities: { workspace: { configuration: true, workspaceFolders: true }, textDocument: { diagnostic: {} } },
    });
    this.#notify("initialized", {});
  }

  /** Says what is in a file now; undefined: it is gone. */
  show(file: string, text: string | undefined): void {
    const uri = new URL(file, this.root).href, version = (this.#open.get(file) ?? 0) + 1;
    if (text === undefined) {
      if (this.#open.delete(file)) this.#notify("textDocument/didClose", { textDocument: { uri } });
    } else if (version === 1) {
      this.#notify("textDocument/didOpen", { textDocument: { uri, languageId: "typescript", version, text } });
      this.#open.set(file, version);
    } else {
      this.#notify("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
      this.#open.set(file, version);
    }
  }

  /** Files changed that it reads by itself: `deno.json`, and JSON that is imported. */
  touched(files: readonly string[]): void {
    const changes = files.map((file) => ({ uri: new URL(file, this.root).href, type: CHANGED }));
    if (changes.length > 0) this.#notify("workspace/didChangeWatchedFiles", { changes });
  }

  /** The type errors of a file that was shown. */
  async check(file: string): Promise<Diagnostic[]> {
    const textDocument = { uri: new URL(file, this.root).href };
    const { items } = await this.request("textDocument/diagnostic", { textDocument }) as { items: Item[] };
    return items.filter(({ severity, source }) => severity === ERROR && source === TYPES)
      .map(({ message, range: { start } }) => ({ file, line: start.line + 1, column: start.character + 1, message }));
  }

  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGKILL"); // it has nothing to save
    } catch {
      // it has ended
    }
    await this.#input.abort().catch(() => {});
    await this.#child.status;
    await this.ended;
  }

  /** Asks it anything of the protocol. */
  request(method: string, params: unknown): Promise<unknown> {
    if (this.#over) return Promise.reject(new Error(OVER)); // nobody would answer
    const id = ++this.#id, answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#send({ id, method, params });
    return answer.promise;
  }

  #notify(method: string, params: unknown): void {
    this.#send({ method, params });
  }

  #send(message: object): void {
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    const head = new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`);
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(head);
    bytes.set(body, head.length);
    this.#input.write(bytes).catch(() => {}); // the end of its output tells of its end
  }

  async #read(): Promise<void> {
    let bytes = new Uint8Array();
    for await (const chunk of this.#child.stdout) {
      const both = new Uint8Array(bytes.length + chunk.length);
      both.set(bytes);
      both.set(chunk, bytes.length);
      bytes = both;
      for (let frame = frameOf(bytes); frame; frame = frameOf(bytes)) {
        bytes = bytes.slice(frame.end);
        this.#heard(JSON.parse(frame.text));
      }
    }
  }

  #heard({ id, method, params, result, error }: Answer): void {
    if (id === undefined) return; // news that nobody asked for
    if (method === "workspace/configuration") this.#send({ id, result: params!.items!.map(() => ({ enable: true })) });
    else if (method !== undefined) this.#send({ id, result: null });
    else {
      const waiting = this.#waiting.get(Number(id));
      this.#waiting.delete(Number(id));
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    }
  }
}

/** The first message, once all of it is there. */
function frameOf(bytes: Uint8Array): { text: string; end: number } | undefined {
  const head = /Content-Length: (\d+)\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(new TextDecoder().decode(bytes.subarray(0, 200)));
  if (!head) return undefined;
  const from = head.index + head[0].length, end = from + Number(head[1]);
  return bytes.length < end ? undefined : { text: new TextDecoder().decode(bytes.subarray(from, end)), end };
}
