/**
 * Connects to each NATS URL given, one after the other, and prints a JSON line about each: null, or the error.
 *
 * A program of its own, since what a client leaves behind of a refused connection may end a process.
 */
import { connectNats } from "../../../runtime/nats/client/connection.ts";

for (const server of Deno.args) {
  try {
    const nc = await connectNats({ servers: [server], name: "test" });
    await nc.close();
    console.log("null");
  } catch (error) {
    console.log(JSON.stringify((error as Error).message));
  }
}
