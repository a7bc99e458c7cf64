import type { Namespace } from "../../core/namespace.ts";
import type { Resources } from "../topology/resources.ts";
import type { Durable } from "../topology/resources.ts";
import { publish } from "../topology/permissions.ts";

const purpose = "to show outcomes to `events tail`";

/** The permissions with which a process answers `events tail`. It handles events without them. */
export function tailResources({ tail }: Namespace): Resources {
  return {
    permissions: [
      { action: "subscribe", subject: tail, purpose, optional: true },
      { action: "publish", subject: "_INBOX.>", purpose, optional: true },
    ],
  };
}

/** The permissions to report the backlog of functions that the process does not run. */
export function backlogResources(durables: readonly Durable[]): Resources {
  const subjects = durables.map(({ stream, consumer }) => `$JS.API.CONSUMER.INFO.${stream}.${consumer}`);
  const wanted = publish("to report what waits for functions that no process runs", ...subjects);
  return { permissions: wanted.map((permission) => ({ ...permission, optional: true })) };
}
