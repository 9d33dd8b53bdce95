// Row by row, as Ponder's documents propose: it keeps rows in memory and writes them in batches by itself.
import { ponder } from "ponder:registry";
import { account, approval, hour, token } from "ponder:schema";
import { zeroAddress } from "viem";

ponder.on("Token:Transfer", async ({ event, context }) => {
  const { from, to, value } = event.args;
  const lastBlock = Number(event.block.number);
  if (from !== zeroAddress) {
    await context.db
      .insert(account)
      .values({ owner: from, balance: -value, sent: 1, received: 0, lastBlock })
      .onConflictDoUpdate((row) => ({ balance: row.balance - value, sent: row.sent + 1, lastBlock }));
  }
  await context.db
    .insert(account)
    .values({ owner: to, balance: value, sent: 0, received: 1, lastBlock })
    .onConflictDoUpdate((row) => ({ balance: row.balance + value, received: row.received + 1, lastBlock }));
  await context.db
    .insert(token)
    .values({ address: event.log.address, transfers: 1, approvals: 0, volume: value })
    .onConflictDoUpdate((row) => ({ transfers: row.transfers + 1, volume: row.volume + value }));
  await context.db
    .insert(hour)
    .values({ hour: Number(event.block.timestamp / 3600n), transfers: 1, volume: value, largest: value })
    .onConflictDoUpdate((row) => ({
      transfers: row.transfers + 1,
      volume: row.volume + value,
      largest: value > row.largest ? value : row.largest,
    }));
});

ponder.on("Token:Approval", async ({ event, context }) => {
  const { owner, spender, value } = event.args;
  await context.db
    .insert(approval)
    .values({ owner, spender, value, changes: 1 })
    .onConflictDoUpdate((row) => ({ value, changes: row.changes + 1 }));
  await context.db
    .insert(token)
    .values({ address: event.log.address, transfers: 0, approvals: 1, volume: 0n })
    .onConflictDoUpdate((row) => ({ approvals: row.approvals + 1 }));
});
