import { FRONTIER } from "../consensus.mjs";

export default {
  what: "Ethereum before Byzantium: receipts with a state root in place of a status",
  real: "ethereum-4369999",
  real_note: "block 4369999 of Ethereum, header and receipts; it hashes",
  chain_id: 1,
  fields: FRONTIER,
  header: () => ({ baseFeePerGas: undefined, difficulty: "0xaa60141cae967" }),
  receipt: (receipt, { number }) => ({
    type: "0x0",
    status: undefined,
    root: `0x${number.toString(16).padStart(64, "0")}`,
  }),
  level: "receipts",
};
