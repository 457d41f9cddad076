/** A connection that sends the message as it is: for plain HTTP and for TLS. */
import { callHeaders } from "../workloads.mjs";
import { openConnection, requestBytes, requestHead } from "./connection.mjs";

export async function plainCaller(url, { era, ...tls }) {
  const connection = await openConnection(url, tls);
  const heads = new Map();
  return {
    prepare(message, workload) {
      let head = heads.get(workload);
      if (head === undefined) heads.set(workload, (head = requestHead(url, callHeaders(era, workload))));
      return { bytes: requestBytes(head, message), open: ({ body }) => body };
    },
    send: (bytes) => connection.send(bytes),
    close: () => connection.close(),
  };
}
