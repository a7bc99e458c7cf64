import type { Resources } from "../topology/resources.ts";
import { TAIL_SUBJECT } from "./tail_protocol.ts";

const purpose = "to show outcomes to `events tail`";

/** The permissions with which a process answers `events tail`. It handles events without them. */
export const TAIL_RESOURCES: Resources = {
  permissions: [
    { action: "subscribe", subject: TAIL_SUBJECT, purpose, optional: true },
    { action: "publish", subject: "_INBOX.>", purpose, optional: true },
  ],
};
