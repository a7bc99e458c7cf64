import { isAbsolute, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { stringify } from "yaml";
import { namespaceOf } from "../app/config.ts";
import type { KubernetesObject } from "../app/manifests/kubernetes_object.ts";
import { manifests } from "../app/manifests/manifests.ts";
import { loadProject } from "../project/load_project.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { bucketNames, examples, wholeNumber } from "./terminal/command_line.ts";
import { CommandFailure, usageError } from "./terminal/exit_codes.ts";
import { printJson } from "./terminal/output.ts";

interface Options {
  readonly out?: string;
  readonly image: string;
  readonly namespace?: string;
  readonly together?: boolean;
  readonly bucket?: readonly string[];
  readonly keda?: string;
  readonly account: string;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly json?: boolean;
}

const HELP = `

Each function gets a Deployment of its own, which WEIR_FUNCTIONS selects. Pods start with --no-apply, after
the Job \`weir-apply\` has run. They need a Secret \`weir-nats\` with ingress.creds, functions.creds and
apply.creds, and the ingress a Secret \`weir\` with api-keys. Variables that the project declares come from a
ConfigMap \`weir-project\`, and those that are secrets from a Secret of that name. WEIR_NAMESPACE counts.

--keda also writes ScaledObjects, which follow the backlog of each function. They ask NATS where it is
monitored (--http_port). With --min-replicas 0 a function without events has no pods; one with a schedule
keeps one. In a cluster of NATS servers name the headless Service.`;

/** Tag of the image until one is chosen. No registry has it, so that a forgotten choice is noticed. */
const UNSET_IMAGE = "weir:unset";
const NO_IMAGE = `: they name the image ${UNSET_IMAGE}, so set yours with kustomize, or give --image`;

export function manifestsCommand(): Command {
  return new Command("manifests")
    .description("Write Kubernetes manifests of this project: Deployments, the apply Job, policies, autoscaling.")
    .option("--out <dir>", "write files and a kustomization.yaml to this folder, instead of printing all")
    .option("--image <image>", "image with a tag or digest; or set it with `images` of kustomize", image, UNSET_IMAGE)
    .option("--namespace <name>", "namespace in Kubernetes", kubernetesName)
    .option("--together", "one Deployment for all functions")
    .option(
      "--bucket <names...>",
      "key-value buckets that handlers open with ctx.kv: the Job creates them",
      bucketNames,
    )
    .option("--keda <host:port>", "scale the functions with KEDA by this monitoring listener of NATS", hostAndPort)
    .option("--account <name>", "account of the streams, for --keda", "$G")
    .option("--min-replicas <n>", "fewest pods of a function, for --keda", count, 1)
    .option("--max-replicas <n>", "most pods of a function, for --keda", wholeNumber, 10)
    .option("--json", "print JSON")
    .addHelpText("after", examples("manifests --out deploy/kubernetes/base", "manifests --keda nats:8222") + HELP)
    .action(write);
}

async function write(options: Options): Promise<void> {
  const { out, image, namespace, together, keda, account, minReplicas, maxReplicas, json } = options;
  if (minReplicas > maxReplicas) {
    throw usageError(`--min-replicas ${minReplicas} is above --max-replicas ${maxReplicas}`);
  }
  const registry = await loadProject(), names = namespaceOf(commandConfig(), registry);
  const scaling = keda === undefined ? undefined : { endpoint: keda, account, minReplicas, maxReplicas };
  const objects = manifests(registry, { names, image, namespace, together, buckets: options.bucket, scaling });
  if (out === undefined) {
    const all = Object.values(objects).flat();
    return json ? printJson(all) : console.log(yamlText(all).trimEnd());
  }
  const folder = isAbsolute(out) ? out : join(Deno.cwd(), out), files = filesOf(objects);
  for (const [name, text] of Object.entries(files)) await writeFile(folder, name, text);
  if (json) printJson({ folder, files: Object.keys(files) });
  else console.log(`${Object.keys(files).length} files written to ${folder}${image === UNSET_IMAGE ? NO_IMAGE : ""}`);
}

/** Returns the texts of the files by their names, with the kustomization that lists the others. */
function filesOf(objects: Readonly<Record<string, readonly KubernetesObject[]>>): Readonly<Record<string, string>> {
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: Object.keys(objects),
  };
  const texts = Object.entries(objects).map(([name, list]) => [name, yamlText(list)]);
  return Object.fromEntries([...texts, ["kustomization.yaml", yamlText([kustomization])]]);
}

function yamlText(documents: readonly unknown[]): string {
  const texts = documents.map((one) => stringify(one, { lineWidth: 0, aliasDuplicateObjects: false }));
  return `# Written by \`deno task manifests\`: change it with kustomize, not here.\n${texts.join("---\n")}`;
}

async function writeFile(folder: string, name: string, text: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, name), text);
  } catch (error) {
    throw new CommandFailure(`${join(folder, name)} cannot be written: ${(error as Error).message}`);
  }
}

function image(text: string): string {
  const tag = /^[^\s@]+(?:@sha256:[0-9a-f]{64}|:([\w][\w.-]{0,127}))$/.exec(text);
  if (tag && tag[1] !== "latest") return text;
  throw new InvalidArgumentError(
    "It must be an image with a tag or digest that stays the same, such as registry.example/shop:1.4.2, and not latest",
  );
}

function kubernetesName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError("It must be a namespace of Kubernetes: up to 63 lower case letters, digits and -");
}

function hostAndPort(text: string): string {
  if (/^[\w.-]+:\d{1,5}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be a host and a port, such as nats-headless.nats.svc:8222");
}

function count(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a number of pods, from 0");
}
