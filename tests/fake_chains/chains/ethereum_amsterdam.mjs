import { AMSTERDAM, hex } from "../consensus.mjs";
import { prague } from "./ethereum_prague.mjs";

export default {
  what: "Ethereum with the fields of EIP-7928 and EIP-7843",
  real_note: "none: the fork is not live",
  chain_id: 1,
  fields: AMSTERDAM,
  header: ({ number }) => ({
    ...prague(),
    blockAccessListHash: `0x${"ba".repeat(32)}`,
    slotNumber: hex(number + 5000),
  }),
  level: "receipts",
};
