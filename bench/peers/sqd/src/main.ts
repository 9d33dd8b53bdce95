// Batch by batch, as SQD's documents propose: the rows that a batch touches are read at once, changed in memory and
// written at once.
import type { EventParams } from "@subsquid/evm-abi";
import { EvmBatchProcessor } from "@subsquid/evm-processor";
import { Store, TypeormDatabase } from "@subsquid/typeorm-store";
import { In } from "typeorm";
import * as abi from "./abi";
import { Account, Approval, Hour, Token } from "./model";

const { RPC_URL, LAST_BLOCK, ADDRESS } = process.env as Record<string, string>;
const ZERO = "0x0000000000000000000000000000000000000000";

const processor = new EvmBatchProcessor()
  .setRpcEndpoint({ url: RPC_URL, capacity: 10, maxBatchCallSize: 100 }) // its defaults; no rate limit
  .setFinalityConfirmation(1)
  .setBlockRange({ from: 0, to: Number(LAST_BLOCK) })
  .setFields({ block: { timestamp: true }, log: { topics: true, data: true } })
  .addLog({ address: [ADDRESS], topic0: [abi.Transfer.topic, abi.Approval.topic] });

type Event =
  | { transfer: EventParams<typeof abi.Transfer>; block: number; hour: string }
  | { approval: EventParams<typeof abi.Approval> };

// The rows of `ids`, by id. Long lists in parts: PostgreSQL takes 65,535 parameters a statement.
async function load<E extends { id: string }>(store: Store, type: new () => E, ids: Set<string>) {
  const rows = new Map<string, E>();
  const wanted = [...ids];
  for (let i = 0; i < wanted.length; i += 10_000) {
    for (const row of await store.findBy(type, { id: In(wanted.slice(i, i + 10_000)) } as any)) rows.set(row.id, row);
  }
  return rows;
}

// Every block to come is final: nothing needs to be undone.
processor.run(new TypeormDatabase({ supportHotBlocks: false }), async (ctx) => {
  const events: Event[] = [];
  const ids = { account: new Set<string>(), approval: new Set<string>(), hour: new Set<string>() };
  for (const block of ctx.blocks) {
    const hour = String(Math.floor(block.header.timestamp / 1000 / 3600));
    for (const log of block.logs) {
      if (log.topics[0] === abi.Transfer.topic) {
        const transfer = abi.Transfer.decode(log);
        events.push({ transfer, block: block.header.height, hour });
        if (transfer.from !== ZERO) ids.account.add(transfer.from);
        ids.account.add(transfer.to);
        ids.hour.add(hour);
      } else {
        const approval = abi.Approval.decode(log);
        events.push({ approval });
        ids.approval.add(`${approval.owner}-${approval.spender}`);
      }
    }
  }
  if (events.length === 0) return;
  const accounts = await load(ctx.store, Account, ids.account);
  const approvals = await load(ctx.store, Approval, ids.approval);
  const hours = await load(ctx.store, Hour, ids.hour);
  const token = (await ctx.store.get(Token, ADDRESS)) ?? new Token({ id: ADDRESS, transfers: 0, approvals: 0, volume: 0n });

  const account_of = (id: string) => {
    let row = accounts.get(id);
    if (!row) accounts.set(id, (row = new Account({ id, balance: 0n, sent: 0, received: 0, lastBlock: 0 })));
    return row;
  };
  for (const event of events) {
    if ("transfer" in event) {
      const { from, to, value } = event.transfer;
      if (from !== ZERO) {
        const sender = account_of(from);
        sender.balance -= value;
        sender.sent += 1;
        sender.lastBlock = event.block;
      }
      const receiver = account_of(to);
      receiver.balance += value;
      receiver.received += 1;
      receiver.lastBlock = event.block;
      token.transfers += 1;
      token.volume += value;
      let hour = hours.get(event.hour);
      if (!hour) hours.set(event.hour, (hour = new Hour({ id: event.hour, transfers: 0, volume: 0n, largest: 0n })));
      hour.transfers += 1;
      hour.volume += value;
      if (value > hour.largest) hour.largest = value;
    } else {
      const { owner, spender, value } = event.approval;
      const id = `${owner}-${spender}`;
      let row = approvals.get(id);
      if (!row) approvals.set(id, (row = new Approval({ id, owner, spender, value, changes: 0 })));
      row.value = value;
      row.changes += 1;
      token.approvals += 1;
    }
  }
  await ctx.store.upsert([...accounts.values()]);
  await ctx.store.upsert([...approvals.values()]);
  await ctx.store.upsert([...hours.values()]);
  await ctx.store.upsert(token);
});
