// A second reader of event streams: whole text, line by line, as WHATWG HTML §9.2.6 tells it.
/** Events with their data, type and last id; and the reconnection time. */
export function readEvents(text) {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  // What follows the last line end is no line.
  lines.pop();
  const events = [];
  let [data, type, id, retry] = [undefined, "", "", undefined];
  for (const line of lines) {
    if (line === "") {
      if (data !== undefined) events.push({ event: type === "" ? "message" : type, data, id });
      [data, type] = [undefined, ""];
      continue;
    }
    const at = line.indexOf(":");
    const field = at === -1 ? line : line.slice(0, at);
    const value = at === -1 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) retry = Number(value);
  }
  return { events, id, retry };
}
