import { TrustedMcpError } from "@trusted-mcp/primitives/error";

/** The code with which `act` was refused; anything else fails the test. */
export async function codeOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
  } catch (error) {
    if (error instanceof TrustedMcpError) return error.code;
    throw error;
  }
  throw new Error("nothing was refused");
}
