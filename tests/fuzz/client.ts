import { Buffer } from "node:buffer";
import type { FuzzRequest } from "./requests.ts";

export interface FuzzResponse {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Milliseconds that a response may take. A request that is not whole has none: the server waits for the rest. */
const WHOLE_MS = 60_000, BROKEN_MS = 20;

/** Response before the actual one, to a request with `Expect: 100-continue`. */
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** Sends requests over raw connections, which it keeps where it can. */
export class FuzzClient {
  readonly #idle: Deno.TcpConn[] = [];

  constructor(readonly address: Deno.ConnectOptions) {}

  /** Returns the response; undefined if the connection ended, or if no response to a broken request came. */
  async send({ bytes, isWhole }: FuzzRequest): Promise<FuzzResponse | undefined> {
    const connection = isWhole && this.#idle.pop() || await Deno.connect(this.address);
    const timer = setTimeout(() => close(connection), isWhole ? WHOLE_MS : BROKEN_MS);
    let keep = false;
    try {
      for (let from = 0; from < bytes.length;) from += await connection.write(bytes.subarray(from));
      const { response, isKept } = await readResponse(connection, isHead(bytes));
      keep = isWhole && isKept;
      return response;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
      if (keep) this.#idle.push(connection);
      else close(connection);
    }
  }

  close(): void {
    for (const connection of this.#idle) close(connection);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}

/** Returns whether a response has the length of a body, and no body. */
function isHead(request: Uint8Array): boolean {
  return Buffer.from(request.subarray(0, 5)).toString("latin1") === "HEAD ";
}

/** Reads a head and, as far as it comes, the body that the head declares. */
async function readResponse(
  connection: Deno.TcpConn,
  isHead: boolean,
): Promise<{ response?: FuzzResponse; isKept: boolean }> {
  const buffer = Buffer.alloc(65_536);
  let bytes: Buffer = Buffer.alloc(0);
  while (true) {
    const count = await connection.read(buffer).catch(() => null);
    if (count !== null) bytes = Buffer.concat([bytes, buffer.subarray(0, count)]);
    if (bytes.indexOf(CONTINUE) === 0) bytes = bytes.subarray(CONTINUE.length);
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) {
      if (count === null) return { isKept: false };
      continue;
    }
    const head = bytes.toString("latin1", 0, end), body = bytes.subarray(end + 4);
    const length = isHead ? 0 : Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    if (count !== null && body.length < length) continue;
    const response = {
      status: Number(head.slice(9, 12)),
      contentType: /^content-type: (.*)$/im.exec(head)?.[1],
      body: body.toString("utf8", 0, length),
    };
    return { response, isKept: count !== null && body.length === length && !/^connection: close/im.test(head) };
  }
}
