import { encodeHandshakeRequest, initiate } from "@trusted-mcp/channel";
import { clientSide } from "../keys.mjs";
import { exchanger, openSession, openSocket, requestText } from "../session.mjs";
import { address, paced } from "./pace.mjs";

/** The first flight of a client, as the bytes of a request; the same bytes serve ten thousand times. */
async function firstFlight(keys, ticket) {
  let bytes;
  await initiate({ ...clientSide(keys, "mallory"), ...(ticket && { ticket }) }, (message) => {
    bytes = message;
    return Promise.reject(new Error("never goes on"));
  }).catch((error) => {
    if (bytes === undefined) throw error;
  });
  return bytes;
}

const http = (flight) => requestText("application/json", encodeHandshakeRequest("x", flight));

/** Sends requests over few connections, from one address or from many. */
async function flood({ url, until, hold }, total, addresses, bytesOf) {
  const width = Math.max(8, Math.min(addresses, 50));
  const lanes = Array.from({ length: width }, () => ({
    socket: null,
    exchange: null,
    busy: Promise.resolve(),
  }));
  return await paced(total, until, (index) => {
    const lane = lanes[index % width];
    const send = async () => {
      if (lane.socket === null || lane.socket.destroyed) {
        lane.socket = hold(await openSocket(url, address(index % width, addresses)));
        lane.exchange = exchanger(lane.socket);
      }
      await lane.exchange(bytesOf(index));
    };
    lane.busy = lane.busy.then(send, send);
    return lane.busy;
  });
}

const HELLOS = 10_000;

export const hellos = {
  title: "hellos without second flight, one address",
  unit: "hellos",
  async run(world) {
    const bytes = http(await firstFlight(world.keys));
    return await flood(world, HELLOS, 1, () => bytes);
  },
};

export const hellosFromMany = {
  title: "hellos without second flight, 50 addresses",
  unit: "hellos",
  async run(world) {
    const bytes = http(await firstFlight(world.keys));
    return await flood(world, HELLOS, 50, () => bytes);
  },
};

export const resumptions = {
  title: "resumptions with unknown and used tickets",
  unit: "hellos",
  async run(world) {
    const socket = world.hold(await openSocket(world.url, "127.0.0.2"));
    const exchange = exchanger(socket);
    const first = await openSession(exchange, world.keys, "mallory");
    const { ticket } = first;
    // A copy, because the client erases a ticket that it used.
    const used = { ...ticket, psk: Uint8Array.from(ticket.psk) };
    await openSession(exchange, world.keys, "mallory", ticket);
    const replay = await firstFlight(world.keys, used);
    const at = Buffer.from(replay).indexOf(used.id);
    const all = Array.from({ length: 64 }, (_, index) => {
      const flight = Uint8Array.from(replay);
      if (index > 0) flight[at] ^= index;
      return http(flight);
    });
    return await flood(world, 5000, 50, (index) => all[index % all.length]);
  },
};
