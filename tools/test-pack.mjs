// Packs every public package, installs the tarballs into an empty project and uses them from there.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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

writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
attempt("the tarballs install into an empty project", "npm", [
  "install",
  ...["--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error"],
]);

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

rmSync(project, { recursive: true, force: true });
console.log(
  failures.length === 0 ? "\nEvery package works from its tarball." : `\n${failures.length} checks failed.`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
