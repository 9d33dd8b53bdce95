import { onchainTable, primaryKey } from "ponder";

export const account = onchainTable("account", (t) => ({
  owner: t.hex().primaryKey(),
  balance: t.bigint().notNull(),
  sent: t.integer().notNull(),
  received: t.integer().notNull(),
  lastBlock: t.integer().notNull(),
}));

export const approval = onchainTable(
  "approval",
  (t) => ({
    owner: t.hex().notNull(),
    spender: t.hex().notNull(),
    value: t.bigint().notNull(),
    changes: t.integer().notNull(),
  }),
  (table) => ({ key: primaryKey({ columns: [table.owner, table.spender] }) }),
);

export const token = onchainTable("token", (t) => ({
  address: t.hex().primaryKey(),
  transfers: t.integer().notNull(),
  approvals: t.integer().notNull(),
  volume: t.bigint().notNull(),
}));

export const hour = onchainTable("hour", (t) => ({
  hour: t.integer().primaryKey(),
  transfers: t.integer().notNull(),
  volume: t.bigint().notNull(),
  largest: t.bigint().notNull(),
}));
