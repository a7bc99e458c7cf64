/**
 * What nats-server says about itself in its log. Pure; the lines are those of 2.12 to 2.15.
 */

/** The port of "Listening for client connections on 127.0.0.1:4222"; undefined for other lines. */
export function listeningPort(line: string): number | undefined {
  const match = /Listening for client connections on \S+:(\d+)$/.exec(line);
  return match ? Number(match[1]) : undefined;
}

/** Whether the line says that the server has started all it was told to start. */
export function saysReady(line: string): boolean {
  return /\bServer is ready$/.test(line);
}

/** Whether the line says that another process listens on the port; the second wording is Windows'. */
export function saysPortInUse(line: string): boolean {
  return /address already in use|Only one usage of each socket address/.test(line);
}
