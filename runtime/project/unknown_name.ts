import { nearest } from "../core/did_you_mean.ts";
import { oneOf } from "./startup_problems.ts";

/** Ends an error about an unknown name: the name that was probably meant, or all names if none is near. */
export function suggestion(given: string, names: Iterable<string>): string {
  const all = [...names], meant = nearest(given, all);
  return meant === undefined ? `there are: ${oneOf(all)}` : `did you mean "${meant}"?`;
}

/** Explains an unknown function. */
export function unknownFunction(name: string, names: Iterable<string>): string {
  return `there is no function ${JSON.stringify(name)}: ${suggestion(name, names)}`;
}

/** Explains an unknown event type. */
export function unknownType(type: string, types: Iterable<string>): string {
  return `no event has the type ${JSON.stringify(type)}: ${suggestion(type, types)}`;
}
