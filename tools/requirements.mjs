// Prints each requirement with the tests that cite it; exit code 1 when one of this version has none.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
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

// The table weakness → test of SECURITY.md is made from the same data, so that it cannot go stale.
const START = "<!-- weaknesses: made by npm run requirements -- --write -->";
const END = "<!-- end of weaknesses -->";

/** The files that show it, each with how many of its tests do; line numbers would change too often. */
function shownIn(shownBy) {
  const counts = new Map();
  for (const place of shownBy) {
    const file = place.replace(/:\d+$/, "");
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  return [...counts].map(([file, count]) => `[${file}](${file})${count > 1 ? ` (${count})` : ""}`).join(", ");
}

const rows = coverage
  .filter(({ requirement }) => /^W\d+$/.test(requirement.id))
  .toSorted((a, b) => a.requirement.id.localeCompare(b.requirement.id))
  .map(({ requirement: { id, text, concerns, reason }, shownBy }) =>
    concerns ? `| ${id} | ${text} | ${shownIn(shownBy)} |` : `| ${id} | ${text} | not concerned: ${reason} |`,
  );
const table = [
  "| id | weakness of AICC/0.1 | shown absent by tests in |",
  "| --- | --- | --- |",
  ...rows,
].join("\n");
const security = readFileSync(`${root}SECURITY.md`, "utf8");
const [before, rest = ""] = security.split(START);
const [, after = ""] = rest.split(END);
// The published form is padded for the eye; cells are compared.
const cells = (text) =>
  text
    .replaceAll(/ *\| */g, "|")
    .replaceAll(/-{3,}/g, "---")
    .trim();
if (process.argv.includes("--write")) {
  writeFileSync(`${root}SECURITY.md`, `${before}${START}\n\n${table}\n\n${END}${after}`);
} else if (cells(rest.split(END)[0] ?? "") !== cells(table)) {
  console.error(
    "SECURITY.md: the table of weaknesses is not what the tests say; npm run requirements -- --write",
  );
  missing += 1;
}

const unknown = unknownIds(requirements, citations);
for (const line of unknown) console.error(line);

const concerned = coverage.filter(({ requirement }) => requirement.concerns).length;
console.log(
  `\n${concerned - missing} of ${concerned} requirements are shown; ${coverage.length - concerned} belong to later parts.`,
);
process.exitCode = missing > 0 || unknown.length > 0 ? 1 : 0;
