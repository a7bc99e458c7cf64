import assert from "node:assert/strict";
import { debianSites, parseIndexTargets } from "../../runtime/nats_server/fetch_debian.ts";
import { checksumOf, releaseName } from "../../runtime/nats_server/fetch_release.ts";

const names: [string, string, string | undefined][] = [
  ["linux", "x86_64", "nats-server-v2.14.5-linux-amd64"],
  ["linux", "aarch64", "nats-server-v2.14.5-linux-arm64"],
  ["darwin", "x86_64", "nats-server-v2.14.5-darwin-amd64"],
  ["darwin", "aarch64", "nats-server-v2.14.5-darwin-arm64"],
  ["windows", "x86_64", "nats-server-v2.14.5-windows-amd64"],
  ["freebsd", "x86_64", undefined],
  ["linux", "riscv64", undefined],
];
for (const [os, arch, expected] of names) {
  Deno.test(`releaseName for ${os} on ${arch} is ${expected ?? "undefined"}`, () => {
    assert.equal(releaseName("2.14.5", os, arch), expected);
  });
}

const A = "a".repeat(64);
const B = "b".repeat(64);
const sums = `${A}  nats-server-v2.14.5-linux-amd64.tar.gz\n${B.toUpperCase()} *nats-server.zip\r\nshort  other.zip\n`;
const files: [string, string | undefined][] = [
  ["nats-server-v2.14.5-linux-amd64.tar.gz", A],
  ["nats-server.zip", B],
  ["linux-amd64.tar.gz", undefined],
  ["other.zip", undefined],
];
for (const [file, expected] of files) {
  Deno.test(`checksumOf ${file} is ${expected ? expected.slice(0, 4) + "…" : "undefined"}`, () => {
    assert.equal(checksumOf(sums, file), expected);
  });
}

Deno.test("parseIndexTargets reads the output of apt-get block by block", () => {
  const printed = `MetaKey: main/binary-amd64/Packages
Site: http://mirror.example/debian
Fallback-Of: 
Release: bookworm

Site: http://other.example/debian
Release: trixie
`;
  assert.deepEqual(parseIndexTargets(printed), [
    {
      MetaKey: "main/binary-amd64/Packages",
      Site: "http://mirror.example/debian",
      "Fallback-Of": "",
      Release: "bookworm",
    },
    { Site: "http://other.example/debian", Release: "trixie" },
  ]);
  assert.deepEqual(parseIndexTargets("\n"), []);
});

const main = { Component: "main", Release: "bookworm", Site: "http://mirror.example/debian" };
Deno.test("debianSites finds the main archive among security, updates and third parties", () => {
  const targets = [
    { ...main, Release: "bookworm-security", Site: "http://security.example" },
    { ...main, Component: "stable", Site: "http://containers.example" },
    { ...main, Origin: "Other", Site: "http://third.example" },
    { ...main, Release: "apt/stable", Site: "http://flat.example" },
    { ...main, Site: "cdrom://Debian 12" },
    { ...main, Origin: "Debian" },
    { ...main, Origin: "Debian", Release: "bookworm-updates" },
  ];
  assert.deepEqual(debianSites(targets), ["http://mirror.example/debian"]);
});

Deno.test("debianSites includes suites with plain names when no lists are downloaded, after known archives", () => {
  const known = { ...main, Origin: "Debian", Site: "http://known.example/debian" };
  assert.deepEqual(debianSites([main]), ["http://mirror.example/debian"]);
  assert.deepEqual(debianSites([main, known]), [
    "http://known.example/debian",
    "http://mirror.example/debian",
  ]);
  assert.deepEqual(debianSites([]), []);
});
