import { ask, AWKWARD, call } from "./steps.mjs";

const relation = { from: "duck", to: "pond", relationType: "lives in" };

/** Every tool of @modelcontextprotocol/server-memory. @type {import("./steps.mjs").Step[]} */
export const MEMORY = [
  ask("tools/list"),
  call("read_graph"),
  call("create_entities", {
    entities: [
      { name: "duck", entityType: "bird", observations: ["quacks", AWKWARD] },
      { name: "pond", entityType: "place", observations: [] },
    ],
  }),
  call("create_relations", { relations: [relation] }),
  call("add_observations", { observations: [{ entityName: "pond", contents: ["deep"] }] }),
  call("read_graph"),
  call("search_nodes", { query: "quack" }),
  call("open_nodes", { names: ["pond", "no such"] }),
  ask("resources/list"),
  ask("resources/read", { uri: "memory://knowledge-graph" }),
  call("delete_observations", { deletions: [{ entityName: "pond", observations: ["deep"] }] }),
  call("delete_relations", { relations: [relation] }),
  call("delete_entities", { entityNames: ["duck"] }),
  call("read_graph"),
  { ...call("add_observations", { observations: [{ entityName: "nobody", contents: ["x"] }] }), fails: true },
];

/** @type {import("./steps.mjs").Request[]} */
export const MEMORY_BASICS = [
  ask("tools/list"),
  call("create_entities", { entities: [{ name: "duck", entityType: "bird", observations: ["quacks"] }] }),
  call("read_graph"),
];
