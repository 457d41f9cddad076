import { connect } from "node:net";
import { once } from "node:events";
import { expect, it } from "vitest";
import { takeSlot, withSlots } from "./slots.mjs";

it("no more clients go on at once than there are slots, and each gets its turn", async () => {
  await withSlots(2, async (port) => {
    let now = 0;
    let most = 0;
    const client = async () => {
      const giveBack = await takeSlot(port);
      most = Math.max(most, ++now);
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      now -= 1;
      giveBack();
    };
    await Promise.all(Array.from({ length: 9 }, client));
    expect([most, now]).toEqual([2, 0]);
  });
});

it("a client that dies gives its slot back, and one that dies waiting takes none", async () => {
  await withSlots(1, async (port) => {
    const holder = connect(port, "127.0.0.1");
    await once(holder, "data");
    const waiting = connect(port, "127.0.0.1");
    await once(waiting, "connect");
    waiting.destroy();
    const next = takeSlot(port);
    holder.destroy();
    (await next)();
    (await takeSlot(port))();
  });
});
