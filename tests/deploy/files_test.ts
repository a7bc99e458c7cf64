import assert from "node:assert/strict";
import { dirname } from "node:path";
import { parse } from "yaml";
import { findServer } from "../../runtime/nats_server/find.ts";
import { run } from "../../runtime/nats_server/run.ts";
import { DEPLOY, queriesOf, readAlerts, readDashboard } from "./views_files.ts";

const alerts = await readAlerts();
const dashboard = await readDashboard();

Deno.test("rules.yml has severity, duration, summary and description for every alert", () => {
  assert.ok(alerts.length >= 11, `only ${alerts.length} alerts were read`);
  for (const { name, expr, severity, summary, description, ...alert } of alerts) {
    assert.match(name, /^Weir[A-Z][A-Za-z]+$/);
    assert.match(severity, /^(critical|warning)$/, name);
    assert.match(alert.for, /^\d+m$/, name);
    assert.ok(expr.length > 10, `${name}: ${expr}`);
    assert.ok(summary.length > 10 && summary.length < 120, `${name}: ${summary}`);
    assert.ok(description.length > 100, `${name}: ${description}`);
  }
});

Deno.test("rules_test.yml has a case for every alert in which it fires, and one in which it does not", async () => {
  const cases = await Deno.readTextFile(`${DEPLOY}prometheus/rules_test.yml`);
  const expectations = cases.split(/^ {6}- expr: /m).slice(1).map((text) => ({
    alert: /alertname=~?"([^"]+)"/.exec(text)![1].split("|"),
    none: text.includes("exp_samples: []"),
  }));
  for (const { name } of alerts) {
    const own = expectations.filter(({ alert }) => alert.includes(name));
    assert.ok(own.some(({ none }) => !none), `${name} never fires in rules_test.yml`);
    assert.ok(own.some(({ none }) => none), `${name} has no case in rules_test.yml in which it does not fire`);
  }
});

Deno.test("deploy/README.md explains every alert", async () => {
  const page = await Deno.readTextFile(`${DEPLOY}README.md`);
  for (const { name } of alerts) assert.ok(page.includes(`\`${name}\``), `deploy/README.md does not mention ${name}`);
});

Deno.test("weir.json has unique ids, no overlapping panels, and the data source of its variable", () => {
  const { panels } = dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const [i, { title, type, datasource, targets, gridPos: a }] of panels.entries()) {
    assert.ok(a.x + a.w <= 24, `${title} is wider than the page`);
    for (const { title: other, gridPos: b } of panels.slice(i + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      assert.ok(apart, `${title} overlaps ${other}`);
    }
    if (type === "row") continue;
    assert.deepEqual(datasource, { type: "prometheus", uid: "${datasource}" }, title);
    assert.ok(targets && targets.length > 0, `${title} has no query`);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
  }
  assert.deepEqual(dashboard.templating.list.map(({ name }) => name), ["datasource", "function"]);
  assert.deepEqual(queriesOf(dashboard).filter(({ expr }) => expr.includes("$")), []);
});

Deno.test("deploy/Dockerfile caches files of the runtime that exist", async () => {
  const named = (await Deno.readTextFile(`${DEPLOY}Dockerfile`)).match(/\bruntime\/\S+\.ts\b/g) ?? [];
  assert.ok(named.length > 0);
  for (const file of named) await Deno.stat(`${DEPLOY}../${file}`);
});

Deno.test("deploy/ has valid YAML files", async () => {
  const files: string[] = [];
  const collect = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await collect(`${folder}${name}/`);
      else if (/\.ya?ml$/.test(name)) files.push(folder + name);
    }
  };
  await collect(DEPLOY);
  assert.ok(files.length >= 9, `only ${files.length} files were found`);
  // The formatter parses YAML, without another dependency.
  const args = ["fmt", "--check", "--quiet", ...files];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

// deno-lint-ignore no-explicit-any
const compose: any = parse(await Deno.readTextFile(`${DEPLOY}compose.yaml`), { merge: true });
// deno-lint-ignore no-explicit-any
const services = Object.entries<any>(compose.services);

Deno.test("compose.yaml mounts existing files, pins every image, and publishes on loopback only", async () => {
  const mounts = services.flatMap(([, { volumes = [] }]) => volumes as string[]).filter((one) => one.startsWith("."));
  assert.ok(mounts.length >= 5, `only ${mounts} are mounted`);
  for (const mount of mounts) await Deno.stat(DEPLOY + mount.split(":")[0]);
  for (const [name, { image, ports = [] }] of services) {
    assert.match(image, image === "weir" ? /weir/ : /:v?\d+\.\d+/, `${name} has no fixed version`);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
  }
});

Deno.test("compose.yaml runs each role with least rights, and does not publish the admin listener", () => {
  const roles = services.filter(([, { command }]) => command?.includes("--no-apply"));
  assert.deepEqual(roles.map(([name]) => name), ["ingress", "functions"]);
  for (const [name, { environment, ports, ...service }] of roles) {
    assert.deepEqual([environment.WEIR_ROLES, environment.NATS_USER], [name, name]);
    assert.equal(environment.ADMIN_HOST, "0.0.0.0");
    assert.deepEqual(ports, name === "ingress" ? ["127.0.0.1:8000:8000"] : undefined);
    assert.deepEqual([service.read_only, service.cap_drop], [true, ["ALL"]]);
  }
});

Deno.test("compose.yaml gives each NATS server every variable of server.conf", async () => {
  const config = await Deno.readTextFile(`${DEPLOY}nats/server.conf`);
  const variables = [...new Set([...config.matchAll(/^[^#]*?\$(NATS_\w+)/gm)].map(([, name]) => name))];
  assert.ok(variables.length >= 10);
  for (const name of ["n1", "n2", "n3"]) {
    const missing = variables.filter((variable) => compose.services[name].environment[variable] === undefined);
    assert.deepEqual(missing, [], name);
  }
});

const hasOpenssl = await run("openssl", ["version"]).then(() => true, () => false);
if (!hasOpenssl) console.warn("tests/deploy: skipped the test of setup_compose.sh, which needs openssl");

Deno.test({
  name: "setup_compose.sh writes users, passwords and certificates once, with which a server starts",
  ignore: !hasOpenssl,
  fn: setUpTwice,
});

async function setUpTwice(): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weir-setup-" });
  try {
    const withDeno = 'PATH="$2:$PATH" exec sh "$0" "$1"', script = `${DEPLOY}nats/setup_compose.sh`;
    const args = ["-c", withDeno, script, folder, dirname(Deno.execPath())];
    const setup = () => run("sh", args, { cwd: `${DEPLOY}..` });
    await setup();
    const password = await Deno.readTextFile(`${folder}/passwords/ingress`);
    await setup();
    assert.equal(await Deno.readTextFile(`${folder}/passwords/ingress`), password);
    const paths = { NATS_STORE_DIR: `${folder}/store`, NATS_CA_FILE: `${folder}/certs/ca.crt` };
    const pair = { NATS_CERT_FILE: `${folder}/certs/n1.crt`, NATS_KEY_FILE: `${folder}/certs/n1.key` };
    const env = { ...compose.services.n1.environment, ...paths, ...pair };
    const command = new Deno.Command(await findServer(), { args: ["-t", "-c", `${folder}/server.conf`], env });
    const { success, stderr } = await command.output();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
