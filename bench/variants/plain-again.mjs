/**
 * A second process with the very same server: what differs between it and `plain` is noise, so it measures the
 * smallest effect that the run can see.
 */
export { client, sdkClients, startServer } from "./plain.mjs";
