// Prints each requirement with the tests that cite it; exit code 1 when one of this version has none.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const out = "tools/dist";

// Node 20 does not run TypeScript: the list and the scanner that the architecture tests use are compiled first.
execFileSync(
  process.execPath,
  [
    "node_modules/typescript/bin/tsc",
    ...["--ignoreConfig", "--noCheck", "--rewriteRelativeImportExtensions", "--verbatimModuleSyntax"],
    ...["--module", "nodenext", "--target", "es2023", "--rootDir", ".", "--outDir", out],
    ...["test/requirements.ts", "test/architecture/coverage.ts", "test/architecture/workspace.ts"],
  ],
  { cwd: root, stdio: "inherit" },
);

const { requirements } = await import(`./dist/test/requirements.js`);
const { allCitations, coverageOf, scriptsRunBy, unknownIds } =
  await import("./dist/test/architecture/coverage.js");
const { readWorkspace } = await import("./dist/test/architecture/workspace.js");

const citations = allCitations(readWorkspace(root));
const coverage = coverageOf(requirements, citations, scriptsRunBy(readFileSync(`${root}.ci/run`, "utf8")));

let missing = 0;
for (const { requirement, shownBy } of coverage) {
  const { id, text, concerns, reason } = requirement;
  if (!concerns) console.log(`later    ${id}  ${text}\n           (${reason})`);
  else if (shownBy.length > 0)
    console.log(`shown    ${id}  ${text}\n           ${shownBy.join("\n           ")}`);
  else {
    missing++;
    console.log(`MISSING  ${id}  ${text}`);
  }
}

const unknown = unknownIds(requirements, citations);
for (const line of unknown) console.error(line);

const concerned = coverage.filter(({ requirement }) => requirement.concerns).length;
console.log(
  `\n${concerned - missing} of ${concerned} requirements are shown; ${coverage.length - concerned} belong to later parts.`,
);
process.exitCode = missing > 0 || unknown.length > 0 ? 1 : 0;
