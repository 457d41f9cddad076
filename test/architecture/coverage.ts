import { citationsIn, idsIn, type Citation } from "./citations.ts";
import type { Requirement } from "../requirements.ts";
import type { Workspace } from "./workspace.ts";

export interface Coverage {
  readonly requirement: Requirement;
  /** Where it is shown: "path:line" of each test, or the step of `.ci/run`. */
  readonly shownBy: readonly string[];
}

/** Steps of `.ci/run` that are switched on: `step "name" npm run lint`. */
export function scriptsRunBy(ci: string): Set<string> {
  const scripts = [...ci.matchAll(/^step .*?\bnpm (?:run )?(?:--silent )?([a-z:-]+)/gm)].map(
    ([, name = ""]) => name,
  );
  return new Set(scripts);
}

export function coverageOf(
  requirements: readonly Requirement[],
  citations: readonly Citation[],
  ci: ReadonlySet<string>,
): Coverage[] {
  return requirements.map((requirement) => {
    const tests = citations
      .filter(({ id }) => id === requirement.id)
      .map(({ path, line }) => `${path}:${line}`);
    const { check } = requirement;
    return { requirement, shownBy: check && ci.has(check) ? [...tests, `.ci/run: npm run ${check}`] : tests };
  });
}

export function allCitations({ tests }: Pick<Workspace, "tests">): Citation[] {
  return tests.flatMap(citationsIn);
}

/** A cited id that nobody promised is a slip of the pen, and would hide a promise without a test. */
export function unknownIds(requirements: readonly Requirement[], cited: readonly Citation[]): string[] {
  const known = new Set(requirements.map(({ id }) => id));
  return cited
    .filter(({ id }) => !known.has(id))
    .map(({ id, path, line }) => `${path}:${line} cites ${id}, which is no requirement`);
}

/** What README, SECURITY and ARCHITECTURE promise by id must be known, and shown by something. */
export function brokenPromises({ pages }: Pick<Workspace, "pages">, coverage: readonly Coverage[]): string[] {
  return pages.flatMap(({ path, text }) =>
    [...new Set(idsIn(text.replace(/\b(REQ-[A-Z0-9-]*[A-Z0-9]|W\d\d)\b/g, "[$1]")))].flatMap((id) => {
      const row = coverage.find(({ requirement }) => requirement.id === id);
      if (!row) return [`${path} promises ${id}, which is no requirement`];
      return row.requirement.concerns && row.shownBy.length === 0
        ? [`${path} promises ${id}, which no test shows`]
        : [];
    }),
  );
}
