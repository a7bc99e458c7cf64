import { Command, InvalidArgumentError } from "commander";
import type { Config } from "../../app/config.ts";
import { serverTime } from "../../nats/client/server_time.ts";
import { pauseConsumers, pauseEnd, resumeConsumers } from "../../nats/topology/pause.ts";
import { commandConfig, printDefaultTarget } from "../terminal/command_config.ts";
import { duration, examples, functionNames } from "../terminal/command_line.ts";
import { printJson } from "../terminal/output.ts";
import { OPERATED, withOwnedCluster } from "../terminal/owned_cluster.ts";
import { allConsumersOf } from "../terminal/selected_names.ts";

interface Options {
  readonly for?: number;
  readonly json?: boolean;
}

export function pauseCommand(): Command {
  return new Command("pause")
    .description("Pause functions: no event is delivered to them, on any process, until they are resumed.")
    .argument("<names...>", "the functions to pause", functionNames)
    .option("--for <duration>", "resume them by themselves after this time", span)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples("functions pause capturePayment", "functions pause capturePayment confirmOrder --for 2h") +
        "\n\nThe pause is kept in JetStream, across restarts. Handlers that run end; events wait in their streams.",
    )
    .action((names: string[], options: Options) => pause(commandConfig(), names, options));
}

export function resumeCommand(): Command {
  return new Command("resume")
    .description("Resume paused functions.")
    .argument("<names...>", "the functions to resume", functionNames)
    .option("--json", "print JSON")
    .addHelpText("after", examples("functions resume capturePayment"))
    .action((names: string[], options: Options) => resume(commandConfig(), names, options));
}

/** A pause of zero length would end a pause that lasts. */
function span(text: string): number {
  const ms = duration(text);
  if (ms === 0) throw new InvalidArgumentError("It must be longer than 0: `functions resume` ends a pause");
  return ms;
}

async function pause(config: Config, names: readonly string[], options: Options): Promise<void> {
  printDefaultTarget(config, options);
  await withOwnedCluster(config, OPERATED, async (cluster) => {
    const { jsm } = cluster, functions = await allConsumersOf(cluster, names);
    const paused: { name: string; pausedUntil: string }[] = [];
    for (const [name, consumers] of functions) {
      const untilMs = options.for === undefined ? undefined : serverTime(consumers[0]) + options.for;
      const pausedUntil = await pauseConsumers(jsm, consumers, untilMs);
      paused.push({ name, pausedUntil });
      if (!options.json) console.log(`${name} is paused ${pauseEnd(pausedUntil)}`);
    }
    if (options.json) printJson(paused);
  });
}

async function resume(config: Config, names: readonly string[], options: Options): Promise<void> {
  printDefaultTarget(config, options);
  await withOwnedCluster(config, OPERATED, async (cluster) => {
    const resumed: { name: string; wasPaused: boolean }[] = [];
    for (const [name, consumers] of await allConsumersOf(cluster, names)) {
      const wasPaused = await resumeConsumers(cluster.jsm, consumers);
      resumed.push({ name, wasPaused });
      if (!options.json) console.log(wasPaused ? `${name} is resumed` : `${name} was not paused`);
    }
    if (options.json) printJson(resumed);
  });
}
