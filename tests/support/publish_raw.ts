/**
 * Stores a message without checks, as some clients do: NATS itself does not check headers. Resolves at its publish ack.
 */
export async function publishRaw(port: number, subject: string, block: string, payload: string): Promise<void> {
  const bytes = new TextEncoder().encode(block).length;
  const text = `CONNECT {"verbose":false,"headers":true}\r\nSUB stored 1\r\n` +
    `HPUB ${subject} stored ${bytes} ${bytes + payload.length}\r\n${block}${payload}\r\n`;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const decoder = new TextDecoder(), buffer = new Uint8Array(4_096);
  let answer = "";
  while (!answer.includes("MSG stored ")) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error(`the server hung up: ${answer}`);
    answer += decoder.decode(buffer.subarray(0, length));
  }
}

/**
 * Header blocks that NATS carries and the client refuses to read, by what is odd about them. Each has a `ce-id` after
 * it.
 */
export const ODD_HEADERS: readonly (readonly [what: string, block: string])[] = [
  ["a name with a space", "NATS/1.0\r\nOrder Number: 7\r\nce-id: o1\r\n\r\n"],
  ["a name that is not ASCII", "NATS/1.0\r\nbestellgröße: 7\r\nce-id: o1\r\n\r\n"],
  ["an empty name", "NATS/1.0\r\n: 7\r\nce-id: o1\r\n\r\n"],
  ["a lone line feed in a value", "NATS/1.0\r\nx-note: one\ntwo\r\nce-id: o1\r\n\r\n"],
  ["no colon", "NATS/1.0\r\nnothing\r\nce-id: o1\r\n\r\n"],
  ["a status in its first line", "NATS/1.0 503 No Responders\r\nce-id: o1\r\n\r\n"],
];
