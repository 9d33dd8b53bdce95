import { CANCUN, EMPTY_ROOT } from "../consensus.mjs";

export default {
  what: "HyperEVM: Cancun's fields, a state root of zeros, no finalized block",
  real: "hyperevm-50000",
  real_note: "block 50000 of HyperEVM, header and receipt (without logs); it hashes",
  chain_id: 999,
  fields: CANCUN,
  header: () => ({
    stateRoot: `0x${"00".repeat(32)}`,
    withdrawalsRoot: EMPTY_ROOT,
    blobGasUsed: "0x0",
    excessBlobGas: "0x0",
    parentBeaconBlockRoot: `0x${"00".repeat(32)}`,
  }),
  answer: (method, params) => (method === "eth_getBlockByNumber" && params[0] === "finalized" ? null : undefined),
  level: "receipts",
};
