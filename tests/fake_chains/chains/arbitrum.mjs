import { LONDON, hex } from "../consensus.mjs";

export default {
  what: "Arbitrum One: an internal transaction (0x6a) first in each block, send root and count in the header",
  real: "arbitrum-150000000",
  real_note: "block 150000000 of Arbitrum One, header and receipts; it hashes",
  chain_id: 42161,
  fields: LONDON,
  header: ({ number, parent }) => ({
    difficulty: "0x1",
    sendCount: parent.header.sendCount,
    sendRoot: parent.header.sendRoot,
    l1BlockNumber: "0x11b3fb3",
    nonce: "0x000000000011ff22",
    extraData: parent.header.sendRoot,
    baseFeePerGas: hex(100000000 + (number % 7)),
  }),
  receipt: (receipt) => ({
    type: receipt.transactionIndex === "0x0" ? "0x6a" : "0x2",
    gasUsedForL1: "0x0",
    l1BlockNumber: "0x11b3fb3",
  }),
  level: "receipts",
};
