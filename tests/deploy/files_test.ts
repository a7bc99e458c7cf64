import assert from "node:assert/strict";
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

Deno.test("compose.yaml mounts existing files, pins every image, and does not publish the admin listener", async () => {
  const compose = await Deno.readTextFile(`${DEPLOY}compose.yaml`);
  const mounts = [...compose.matchAll(/\.(\/[\w./-]+):\//g)].map(([, path]) => path);
  assert.ok(mounts.length >= 5, `only ${mounts} are mounted`);
  for (const path of mounts) await Deno.stat(DEPLOY + path);
  const images = [...compose.matchAll(/image: (\S+)/g)].map(([, image]) => image).filter((image) => image !== "weir");
  for (const image of images) assert.match(image, /:v?\d+\.\d+/, `${image} has no fixed version`);
  const weir = /\n {2}weir:\n([^]*?)\n {2}\w+:\n/.exec(compose)![1];
  assert.match(weir, /ADMIN_HOST: 0\.0\.0\.0/);
  assert.deepEqual(/ports: \[(.*)\]/.exec(weir)![1], '"127.0.0.1:8000:8000"');
  const published = [...compose.matchAll(/ports: \["([^"]*)/g)].map(([, port]) => port);
  assert.deepEqual(published.filter((port) => !port.startsWith("127.0.0.1:")), []);
});
