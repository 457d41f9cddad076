/**
 * Loopback only: nothing of a benchmark is reachable from another machine. Connections may idle for as long as the
 * other variants' slices take.
 */
export async function listen(server, scheme = "http") {
  server.keepAliveTimeout = 0;
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `${scheme}://127.0.0.1:${server.address().port}/mcp`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
