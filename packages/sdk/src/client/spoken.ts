const MAX_ENDPOINTS = 10_000;
const endpoints = new Set<string>();

/**
 * Endpoints that have proved to speak trusted-mcp/1, for the life of this process: a client made later for
 * the same endpoint falls back to plaintext as little as the first one (spec §8.4).
 */
export const spoken = {
  has: (endpoint: string): boolean => endpoints.has(endpoint),
  add: (endpoint: string): void => {
    endpoints.add(endpoint);
    if (endpoints.size <= MAX_ENDPOINTS) return;
    for (const oldest of endpoints) {
      endpoints.delete(oldest);
      return;
    }
  },
};
