import { nearest } from "../../core/did_you_mean.ts";
import { oneOf } from "../../project/startup_problems.ts";

/** Ends an error about an unknown name: the name that was probably meant, or all names if none is near. */
export function suggestion(given: string, names: Iterable<string>): string {
  const all = [...names], meant = nearest(given, all);
  return meant === undefined ? `there are: ${oneOf(all)}` : `did you mean "${meant}"?`;
}
