import { ask, AWKWARD, call } from "./steps.mjs";

const DYNAMIC = "demo://resource/dynamic";
const RESEARCH = { name: "simulate-research-query", arguments: { topic: "Python", ambiguous: true } };

/** All that @modelcontextprotocol/server-everything offers, and what it refuses. @type {import("./steps.mjs").Step[]} */
export const EVERYTHING = [
  // The server asks for the roots 350 ms after the start; what it logs then would otherwise come at any time.
  { untilAsked: "roots/list" },
  // A task: started here, asked for at the end.
  { method: "tools/call", params: { ...RESEARCH, task: { ttl: 60_000 } }, as: "research", only: "v1" },
  ask("tools/list"),
  { ...call(RESEARCH.name, RESEARCH.arguments), fails: true },
  ask("prompts/list"),
  ask("resources/list"),
  ask("resources/templates/list"),
  ask("ping"),
  ask("logging/setLevel", { level: "debug" }),

  call("echo", { message: AWKWARD }),
  call("echo", { message: "" }),
  call("echo", { message: "0123456789abcdef".repeat(40_000) }),
  call("get-sum", { a: -0.1, b: 1e21 }),
  call("get-annotated-message", { messageType: "error", includeImage: true }),
  call("get-annotated-message", { messageType: "debug" }),
  call("get-env"),
  call("get-resource-links", { count: 10 }),
  call("get-resource-reference", { resourceType: "Text", resourceId: 1 }),
  call("get-resource-reference", { resourceType: "Blob", resourceId: 2 }),
  call("get-structured-content", { location: "New York" }),
  call("get-tiny-image"),
  call("gzip-file-as-resource", { name: "a.gz", data: "data:text/plain,duck", outputType: "resource" }),
  call("gzip-file-as-resource", { name: "b.gz", data: "data:text/plain,duck", outputType: "resourceLink" }),
  ask("resources/read", { uri: "demo://resource/session/b.gz" }),

  call("toggle-simulated-logging"),
  call("toggle-simulated-logging"),
  ask("resources/subscribe", { uri: `${DYNAMIC}/text/1` }),
  call("toggle-subscriber-updates"),
  call("toggle-subscriber-updates"),
  ask("resources/unsubscribe", { uri: `${DYNAMIC}/text/1` }),

  ask("resources/read", { uri: "demo://resource/static/document/features.md" }),
  ask("resources/read", { uri: `${DYNAMIC}/text/7` }),
  ask("resources/read", { uri: `${DYNAMIC}/blob/8` }),
  ask("prompts/get", { name: "simple-prompt" }),
  ask("prompts/get", { name: "args-prompt", arguments: { city: AWKWARD, state: "ZH" } }),
  ask("prompts/get", { name: "completable-prompt", arguments: { department: "Sales", name: "Eve" } }),
  ask("prompts/get", { name: "resource-prompt", arguments: { resourceType: "Blob", resourceId: "3" } }),
  ask("completion/complete", {
    ref: { type: "ref/prompt", name: "completable-prompt" },
    argument: { name: "department", value: "S" },
  }),
  ask("completion/complete", {
    ref: { type: "ref/resource", uri: `${DYNAMIC}/text/{resourceId}` },
    argument: { name: "resourceId", value: "1" },
  }),

  { ...call("trigger-long-running-operation", { duration: 0.2, steps: 4 }), progress: true },
  { ...call("trigger-long-running-operation", { duration: 6, steps: 60 }), progress: true, cancel: true },
  {
    together: [
      { ...call("trigger-long-running-operation", { duration: 0.2, steps: 2 }), progress: true },
      ...["a", "b", "c"].map((message) => call("echo", { message })),
      call("get-sum", { a: 2, b: 3 }),
    ],
  },

  call("trigger-sampling-request", { prompt: AWKWARD, maxTokens: 7 }),
  call("trigger-elicitation-request"),
  call("trigger-url-elicitation", { url: "https://example.com/login", elicitationId: "e-1" }),
  { ...call("trigger-url-elicitation", { url: "https://example.com/x", errorPath: true }), fails: true },
  call("get-roots-list"),

  { ...call("no-such-tool"), fails: true },
  { ...call("get-sum", { a: "one" }), fails: true },
  { ...ask("resources/read", { uri: "demo://no/such" }), fails: true },
  { ...ask("prompts/get", { name: "no-such-prompt" }), fails: true },
  { ...ask("no/such/method"), fails: true },

  { method: "tasks/result", params: ofResearch, only: "v1" },
  { method: "tasks/get", params: ofResearch, only: "v1" },
  { method: "tasks/list", only: "v1" },
];

/** What every client can do, also one without a user, or with a bridge in between. @type {import("./steps.mjs").Request[]} */
export const EVERYTHING_BASICS = [
  ask("tools/list"),
  call("echo", { message: AWKWARD.replace("\u0000", "") }),
  call("get-structured-content", { location: "Chicago" }),
  call("get-annotated-message", { messageType: "success", includeImage: true }),
  ask("resources/read", { uri: "demo://resource/static/document/features.md" }),
  ask("prompts/get", { name: "args-prompt", arguments: { city: "Zürich", state: "ZH" } }),
];

/** @param {Map<string, any>} done */
function ofResearch(done) {
  return { taskId: done.get("research").task.taskId };
}
