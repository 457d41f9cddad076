import { TrustedMcpError } from "@trusted-mcp/primitives/error";
import { OuterRefusal } from "./memory-pipe.ts";

/**
 * The code with which `action` is refused. `outer ERR_…` means that the client saw only a refusal from outside
 * the channel; the code is the server's own. Anything else that is thrown, and success, is an error.
 */
export async function refusalOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    const [where, refusal] = error instanceof OuterRefusal ? ["outer ", error.cause] : ["", error];
    if (!(refusal instanceof TrustedMcpError)) throw error;
    const code: unknown = refusal.code;
    return `${where}${String(code)}`;
  }
  throw new Error("Nothing was refused.");
}
