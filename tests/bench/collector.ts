/** Takes whatever is sent, as fast as it comes, and prints where it listens. A process of its own: its work is not Weir's. */
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
  await request.arrayBuffer();
  return Response.json({});
});
console.log(`http://127.0.0.1:${server.addr.port}`);
