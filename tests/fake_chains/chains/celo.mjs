import { PRAGUE } from "../consensus.mjs";
import { prague } from "./ethereum_prague.mjs";
import { receipt, tail } from "./op.mjs";

export default {
  what: "Celo since it is an L2 of the OP stack: transactions paid in a fee currency (0x7b)",
  real_note: "none",
  chain_id: 42220,
  fields: PRAGUE,
  header: prague,
  receipt: (each, block) => ({
    ...receipt(each, block),
    ...(each.transactionIndex === "0x1" ? { type: "0x7b", baseFee: "0x5d21dba00" } : {}),
  }),
  tail: (each) => (each.type === "0x7b" ? [each.baseFee] : tail(each)),
  level: "linked",
};
