import type { Rule } from "../rule.ts";
import { CONFIGURATION } from "./configuration.ts";
import { CONSUMERS } from "./consumers.ts";
import { OWNER } from "./owner.ts";
import { PERMISSIONS } from "./permissions.ts";
import { PROJECT_RULES } from "./project.ts";
import { REPLICAS } from "./replicas.ts";
import { SERVER } from "./server.ts";
import { FOREIGN_STREAMS } from "./foreign_streams.ts";
import { LEADERS } from "./leaders.ts";
import { OWN_STREAMS, STREAMS } from "./streams.ts";
import { WAITING } from "./waiting.ts";
import { WORK_QUEUES } from "./work_queues.ts";

/** Every rule, by area. `deploy/DOCTOR.md` lists them in tables. */
export const RULES: readonly Rule[] = [
  ...CONFIGURATION,
  ...PROJECT_RULES,
  ...SERVER,
  PERMISSIONS,
  ...STREAMS,
  ...OWN_STREAMS,
  ...OWNER,
  ...FOREIGN_STREAMS,
  ...REPLICAS,
  ...LEADERS,
  WORK_QUEUES,
  ...CONSUMERS,
  ...WAITING,
];
