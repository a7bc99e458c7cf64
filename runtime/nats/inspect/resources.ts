import type { Permission, Resources } from "../topology/resources.ts";
import { TAIL_SUBJECT } from "./tail_protocol.ts";

const TAIL = { purpose: "to show outcomes to `events tail`", optional: true } as const satisfies Partial<Permission>;

/** The permissions with which a process answers `events tail`. It handles events without them. */
export const TAIL_RESOURCES: Resources = {
  permissions: [
    { action: "subscribe", subject: TAIL_SUBJECT, ...TAIL },
    { action: "publish", subject: "_INBOX.>", ...TAIL },
  ],
};
