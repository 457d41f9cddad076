import type { Command } from "../command.ts";
import { demo } from "../demo/command.ts";
import { call } from "./call.ts";
import { connect } from "./connect.ts";
import { helpCommand } from "./help.ts";
import { inspect } from "./inspect.ts";
import { keygen } from "./keygen.ts";
import { list } from "./list.ts";
import { migrateConfig } from "./migrate-config.ts";
import { serve } from "./serve.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  keygen,
  serve,
  connect,
  list,
  call,
  inspect,
  migrateConfig,
  demo,
  version,
  helpCommand(() => COMMANDS),
];
