import type { Command } from "../command.ts";
import { helpCommand } from "./help.ts";
import { keygen } from "./keygen.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [keygen, version, helpCommand(() => COMMANDS)];
