// Packs every public package, installs the tarballs into an empty project and uses them from there.
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatMessage } from "publint/utils";
import { publint } from "publint";

const root = fileURLToPath(new URL("../", import.meta.url));
const tsc = join(root, "node_modules/typescript/bin/tsc");
const project = mkdtempSync(join(tmpdir(), "trusted-mcp-pack-"));
const failures = [];

function check(what, problem) {
  console.log(`${problem ? "FAILED" : "ok    "} ${what}${problem ? `\n       ${problem}` : ""}`);
  if (problem) failures.push(what);
}

/** Runs a command; its output is the problem when it fails. */
function attempt(what, command, args, options = {}) {
  try {
    const stdout = execFileSync(command, args, { cwd: project, encoding: "utf8", stdio: "pipe", ...options });
    check(what);
    return stdout;
  } catch (error) {
    check(
      what,
      [error.stdout, error.stderr, error.stdout || error.stderr ? "" : error.message].join("\n").trim(),
    );
    return "";
  }
}

function checkContents(name, folder, files) {
  const unwanted = files.filter((file) => /\.test\.|tsbuildinfo|(^|\/)(src|test)\/|\.key\.pem$/.test(file));
  check(`${name}: no test, source or build file in the tarball`, unwanted.join(", "));
  const missing = ["LICENSE", "README.md", "package.json"].filter((file) => !files.includes(file));
  check(
    `${name}: LICENSE and README in the tarball`,
    missing.length > 0 ? `missing: ${missing.join(", ")}` : "",
  );
  const compiled = files.filter((file) => /^dist\/.*\.js$/.test(file));
  check(`${name}: has code`, compiled.length > 0 ? "" : "no dist/ in the tarball");
  const stale = compiled.filter(
    (file) => !existsSync(join(folder, file.replace("dist/", "src/").replace(/js$/, "ts"))),
  );
  check(`${name}: no file of a source that is gone`, stale.join(", "));
}

async function checkPublint(name, folder, manifest) {
  const { messages } = await publint({ pkgDir: folder, level: "suggestion", strict: true, pack: "npm" });
  const lines = messages.map((message) => formatMessage(message, manifest, { color: false }));
  check(`${name}: publint`, lines.join("\n       "));
}

const packages = readdirSync(join(root, "packages"))
  .map((folder) => join(root, "packages", folder))
  .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
  .filter(({ manifest }) => !manifest.private);

const dependencies = {};
for (const { folder, manifest } of packages) {
  const packed = execFileSync(
    "npm",
    ["pack", "--json", "--loglevel", "error", "--pack-destination", project],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  // npm prints the output of `prepack` before its own.
  const [tarball] = JSON.parse(packed.slice(packed.indexOf("[\n")));
  dependencies[manifest.name] = `file:./${tarball.filename}`;
  checkContents(
    manifest.name,
    folder,
    tarball.files.map(({ path }) => path),
  );
  await checkPublint(manifest.name, folder, manifest);
}

// The MCP SDK is the user's own dependency, in the version that this workspace tests.
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
for (const name of ["@modelcontextprotocol/client", "@modelcontextprotocol/server", "@types/node"])
  dependencies[name] = devDependencies[name];

function install(what, folder, wanted) {
  const manifest = { private: true, type: "module", dependencies: wanted };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const options = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error"];
  attempt(what, "npm", ["install", ...options], { cwd: folder });
}
install("the tarballs install into an empty project", project, dependencies);

const entries = packages.flatMap(({ manifest }) =>
  Object.keys(manifest.exports ?? {}).map((subpath) => manifest.name + subpath.slice(1)),
);
for (const entry of entries) {
  const code = `const names = Object.keys(await import("${entry}")); if (names.length === 0) throw new Error("exports nothing");`;
  attempt(`import("${entry}")`, process.execPath, ["--input-type=module", "--eval", code]);
}

const compile = [tsc, "--noEmit", "--strict", "--module", "nodenext", "--moduleResolution", "nodenext"];
compile.push("--target", "es2023", "--types", "node", "--exactOptionalPropertyTypes");
const uses = entries.map((entry, index) => `export * as entry${index} from "${entry}";\n`);
writeFileSync(join(project, "uses.ts"), uses.join(""));
attempt("the types of every entry check, without skipLibCheck", process.execPath, [...compile, "uses.ts"]);

// The control: were the types missing or `any`, this would compile too.
const wrong = entries.map(
  (entry, index) => `export { thereIsNoSuchName as wrong${index} } from "${entry}";\n`,
);
writeFileSync(join(project, "wrong.ts"), wrong.join(""));
const refused = spawnSync(process.execPath, [...compile, "--pretty", "false", "wrong.ts"], {
  cwd: project,
  encoding: "utf8",
});
const refusals = refused.stdout.split("\n").filter((line) => line.includes("thereIsNoSuchName")).length;
check("a name that an entry does not export is refused", refusals === entries.length ? "" : refused.stdout);

for (const { manifest } of packages)
  for (const program of Object.keys(manifest.bin ?? {})) {
    const help = attempt(`npx ${program} --help`, "npx", ["--no-install", program, "--help"]);
    if (help !== "") check(`npx ${program} --help says how to use it`, help.includes(program) ? "" : help);
    const { version } = createRequire(join(project, "package.json"))(
      join(project, "node_modules", manifest.name, "package.json"),
    );
    check(`${program} is installed at ${manifest.version}`, version === manifest.version ? "" : version);
  }

checkSdkV1();

/** A project that has SDK v1 and no package of v2. */
function checkSdkV1() {
  // Not below the other project, whose packages would be found from here.
  const folder = mkdtempSync(join(tmpdir(), "trusted-mcp-pack-v1-"));
  const wanted = { "@modelcontextprotocol/sdk": devDependencies["@modelcontextprotocol/sdk"] };
  wanted["@types/node"] = devDependencies["@types/node"];
  // What is below it is not on the registry either.
  for (const name of withBelow("@trusted-mcp/sdk"))
    wanted[name] = dependencies[name].replace("./", `${project}/`);
  install("@trusted-mcp/sdk installs beside SDK v1 alone", folder, wanted);
  const { resolve } = createRequire(join(folder, "package.json"));
  for (const name of ["client", "server"].map((each) => `@modelcontextprotocol/${each}`))
    check(`${name} of SDK v2 is not there`, resolves(resolve, name) ? "it was found" : "");
  for (const name of ["server", "alice"])
    attempt(`keys for ${name}`, "npx", [
      "--no-install",
      "trusted-mcp",
      "keygen",
      "--out",
      join(folder, name),
    ]);
  copyFileSync(join(root, "test/pack/sdk-v1.ts"), join(folder, "main.ts"));
  const within = { cwd: folder };
  const faces = ["listener", "stdio"].map((face) => `export * as ${face} from "@trusted-mcp/sdk/${face}";\n`);
  writeFileSync(join(folder, "faces.ts"), faces.join(""));
  attempt(
    "its types for servers and pipes need no other",
    process.execPath,
    [...compile, "faces.ts"],
    within,
  );
  // `connectTrusted` gives a client of SDK v2, whose types are not here: docs/guide/sdk.md says so.
  const emit = [...compile.filter((option) => option !== "--noEmit"), "--skipLibCheck"];
  attempt("a program of all of it compiles", process.execPath, [...emit, "main.ts"], within);
  attempt("servers, clients and a pipe work with SDK v1 alone", process.execPath, ["main.js"], within);
  rmSync(folder, { recursive: true, force: true });
}

function resolves(resolve, name) {
  try {
    return Boolean(resolve(name));
  } catch {
    return false;
  }
}

/** A package of ours and all packages of ours that it depends on. */
function withBelow(name, found = new Set()) {
  found.add(name);
  const { manifest } = packages.find((each) => each.manifest.name === name);
  for (const below of Object.keys(manifest.dependencies ?? {}))
    if (below in dependencies && !found.has(below)) withBelow(below, found);
  return found;
}

rmSync(project, { recursive: true, force: true });
console.log(
  failures.length === 0 ? "\nEvery package works from its tarball." : `\n${failures.length} checks failed.`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
