/**
 * A collector of traces that takes whatever is sent, as fast as it comes, and prints where it listens. A process of its
 * own: its work is nobody's who is measured. `GET /` tells how many spans have come since it was last asked; they are
 * counted only then, so that counting takes no time from the measurement.
 */
let bodies: Uint8Array[] = [];

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  if (request.method === "GET") {
    const taken = bodies;
    bodies = [];
    return new Response(String(taken.reduce((sum, body) => sum + spansIn(body), 0)));
  }
  bodies.push(await request.bytes());
  return Response.json({});
});
console.log(`http://127.0.0.1:${server.addr.port}`);
for await (const _ of Deno.stdin.readable) { /* until the driver closes it, or is gone */ }
Deno.exit(0);

function spansIn(body: Uint8Array): number {
  return new TextDecoder().decode(body).split('"spanId":').length - 1;
}
