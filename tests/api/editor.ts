/** A client of Deno's language server, as an editor is. */
interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly items?: readonly unknown[] };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Diagnostic {
  readonly severity?: number;
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

const ERROR = 1;

/** An editor with a project open. */
export class Editor {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #versions = new Map<string, number>();
  readonly #reading: Promise<void>;
  #id = 0;

  private constructor(readonly root: URL) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["lsp", "--quiet"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  static async open(root: URL): Promise<Editor> {
    const editor = new Editor(root);
    await editor.#request("initialize", {
      processId: Deno.pid,
      rootUri: root.href,
      workspaceFolders: [{ uri: root.href, name: "project" }],
      initializationOptions: { enable: true, lint: false },
      capabilities: { workspace: { configuration: true, workspaceFolders: true }, textDocument: { diagnostic: {} } },
    });
    await editor.#send({ method: "initialized", params: {} });
    return editor;
  }

  /** Returns the completions at the `|` in the text, in a file that need not exist. */
  async complete(file: string, textWithCursor: string): Promise<string[]> {
    const [before, after] = textWithCursor.split("|"), lines = before.split("\n");
    const textDocument = await this.#show(file, before + after);
    const position = { line: lines.length - 1, character: lines.at(-1)!.length };
    const answer = await this.#request("textDocument/completion", {
      textDocument,
      position,
      context: { triggerKind: 1 },
    });
    return (answer as { items: { label: string }[] } | null)?.items.map(({ label }) => label) ?? [];
  }

  /** Returns the errors in a file with this text. Lines are from 1. */
  async errors(file: string, text: string): Promise<{ line: number; message: string }[]> {
    const textDocument = await this.#show(file, text);
    const { items } = await this.#request("textDocument/diagnostic", { textDocument }) as { items: Diagnostic[] };
    return items.filter(({ severity }) => severity === ERROR)
      .map(({ message, range }) => ({ line: range.start.line + 1, message }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL"); // it has nothing to save
    await this.#input.abort().catch(() => {});
    await this.#child.status;
    await this.#reading;
  }

  async #show(file: string, text: string): Promise<{ uri: string }> {
    const uri = new URL(file, this.root).href, version = (this.#versions.get(uri) ?? 0) + 1;
    this.#versions.set(uri, version);
    const [method, params] = version === 1
      ? ["didOpen", { textDocument: { uri, languageId: "typescript", version, text } }]
      : ["didChange", { textDocument: { uri, version }, contentChanges: [{ text }] }];
    await this.#send({ method: `textDocument/${method}`, params });
    return { uri };
  }

  async #request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#id, answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    await this.#send({ id, method, params });
    return await answer.promise;
  }

  async #send(message: object): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    await this.#input.write(new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`));
    await this.#input.write(body);
  }

  async #read(): Promise<void> {
    let text = ""; // one character a byte, as lengths are in bytes
    for await (const chunk of this.#child.stdout) {
      text += String.fromCharCode(...chunk);
      for (let head; (head = /Content-Length: (\d+)\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text));) {
        const from = head.index + head[0].length, end = from + Number(head[1]);
        if (text.length < end) break;
        const bytes = Uint8Array.from(text.slice(from, end), (character) => character.charCodeAt(0));
        text = text.slice(end);
        await this.#hear(JSON.parse(new TextDecoder().decode(bytes)));
      }
    }
  }

  async #hear({ id, method, params, result, error }: Message): Promise<void> {
    if (id === undefined) return; // news that it was not asked for
    if (method === "workspace/configuration") {
      await this.#send({ id, result: params!.items!.map(() => ({ enable: true })) });
    } else if (method !== undefined) await this.#send({ id, result: null });
    else {
      const waiting = this.#waiting.get(Number(id));
      this.#waiting.delete(Number(id));
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    }
  }
}
