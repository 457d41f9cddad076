import { AiccError } from "../error.ts";
import { serviceRequest, type ServiceLimits } from "../volcengine/request.ts";
import { plainServiceUrl, shown } from "../volcengine/service-url.ts";

export interface EvidenceAgentOptions extends ServiceLimits {
  /** The agent of this machine: `localhost`, or the host's address as the platform gives it in `JPCC_HOST_IP`. */
  readonly host?: string;
  readonly port?: number;
  readonly podName?: string;
  readonly attestGpu?: boolean;
}

export interface EvidenceAgent {
  /** Evidence of this pod over `runtimeData`. */
  evidence(runtimeData: string): Promise<Uint8Array>;
}

const PORT = 8006;

/**
 * The platform's evidence agent on the same host. It speaks plain HTTP: what it returns is signed by the hardware
 * over a nonce of the key service and holds no secret. It is asked for nothing else.
 */
export function evidenceAgent(options: EvidenceAgentOptions = {}): EvidenceAgent {
  const host = options.host ?? "localhost";
  const base = plainServiceUrl(
    `http://${host}:${options.port ?? PORT}/aa/evidence`,
    "The evidence agent's address",
  );
  if (base.username !== "" || base.pathname !== "/aa/evidence" || base.search !== "" || base.hash !== "")
    throw new AiccError("ERR_SERVICE_URL", "The evidence agent's host must be a name or an address", {
      action: "fix",
    });
  return {
    async evidence(runtimeData) {
      const url = new URL(base);
      url.searchParams.set("runtime_data", runtimeData);
      url.searchParams.set("pod_name", options.podName ?? "");
      url.searchParams.set("attest_gpu", String(options.attestGpu ?? true));
      const { status, body } = await serviceRequest({
        method: "GET",
        url,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        ...(options.maxAnswerBytes === undefined ? {} : { maxAnswerBytes: options.maxAnswerBytes }),
      });
      if (status === 200 && body.length > 0) return body;
      throw new AiccError(
        "ERR_SERVICE_REFUSED",
        `The evidence agent ${shown(url)} gave no evidence (status ${status}): is this a confidential instance?`,
        { action: "fix" },
      );
    },
  };
}
