import { covers, overlaps } from "../core/subjects.ts";
import type { Permission } from "../nats/topology/resources.ts";

/** What a NATS user may do, as the server tells the user itself; an absent list sets no bounds. */
export interface UserPermissions {
  readonly user: string;
  readonly publish?: SubjectLists;
  readonly subscribe?: SubjectLists;
}

interface SubjectLists {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** The rule of a user's that is in the way of a need. */
export interface Refusal {
  readonly need: Permission;
  /** The subject of `deny`; undefined where no `allow` covers it. */
  readonly deniedBy?: string;
}

/** Which needs a user's permissions do not meet. */
export function refusals(user: UserPermissions, needs: readonly Permission[]): Refusal[] {
  return needs.flatMap((need): Refusal[] => {
    const { allow, deny = [] } = user[need.action] ?? {};
    const deniedBy = deny.find((subject) => overlaps(plain(subject), need.subject));
    if (deniedBy !== undefined) return [{ need, deniedBy }];
    if (allow === undefined || allow.length === 0) return [];
    return allow.some((subject) => covers(plain(subject), need.subject)) ? [] : [{ need }];
  });
}

/** Permissions to subscribe may name a queue group after the subject. */
function plain(subject: string): string {
  return subject.split(" ", 1)[0];
}
