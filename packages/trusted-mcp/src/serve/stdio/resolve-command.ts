import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { ProgramError } from "../../error.ts";

/**
 * Finds the program once, at start: a mistyped command is reported there and then, and no later change of
 * PATH or of the working directory can put another program in its place.
 */
export function resolveCommand(command: string, cwd: string, path: string | undefined): string {
  if (command === "" || command.includes("\u0000")) throw refuse(command);
  if (!isFolder(cwd))
    throw new ProgramError("ERR_FILE", `there is no folder "${cwd}" to start the server in`, {
      action: "fix",
    });
  // On Windows the extension is part of the search, which the system does better than we would.
  if (process.platform === "win32") return command;
  const places = command.includes("/")
    ? [""]
    : (path ?? "").split(delimiter).map((folder) => (folder === "" ? "." : folder));
  for (const folder of places) {
    const file = resolve(cwd, isAbsolute(command) ? command : join(folder, command));
    if (isExecutable(file)) return file;
  }
  throw refuse(command);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function refuse(command: string): ProgramError {
  return new ProgramError(
    "ERR_FILE",
    `"${command}" is not a program that can be run: give its path, or a name found in PATH`,
    {
      action: "fix",
    },
  );
}
