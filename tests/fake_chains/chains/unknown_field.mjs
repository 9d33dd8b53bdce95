import { AMSTERDAM, hex } from "../consensus.mjs";
import { prague } from "./ethereum_prague.mjs";

export default {
  what: "a fork of the future: a header field that nobody knows yet",
  real_note: "none",
  chain_id: 1,
  fields: [...AMSTERDAM, "postQuantumRoot"],
  header: ({ number }) => ({
    ...prague(),
    blockAccessListHash: `0x${"ba".repeat(32)}`,
    slotNumber: hex(number + 5000),
    postQuantumRoot: `0x${"9a".repeat(32)}`,
  }),
  level: "unprovable",
};
