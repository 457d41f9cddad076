/** A connection that sends the message as it is: for plain HTTP and for TLS. */
import { callHeaders } from "../workloads.mjs";
import { openConnection, requestHead } from "./connection.mjs";

export async function plainCaller(url, { era, ...tls }) {
  const connection = await openConnection(url, tls);
  const heads = new Map();
  return {
    async call(message, workload) {
      let head = heads.get(workload);
      if (head === undefined) heads.set(workload, (head = requestHead(url, callHeaders(era, workload))));
      const response = await connection.request(head, message);
      if (response.status !== 200)
        throw new Error(`status ${response.status}: ${response.body.toString("utf8", 0, 200)}`);
      return response.body;
    },
    close: () => connection.close(),
  };
}
