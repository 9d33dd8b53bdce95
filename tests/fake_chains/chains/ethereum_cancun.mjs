import { CANCUN, EMPTY_ROOT } from "../consensus.mjs";

export default {
  what: "Ethereum with Cancun's fields",
  real: "ethereum-21925176",
  real_note: "block 21925176 of Ethereum, header and receipts; it hashes",
  chain_id: 1,
  fields: CANCUN,
  header: () => ({
    withdrawalsRoot: EMPTY_ROOT,
    blobGasUsed: "0x0",
    excessBlobGas: "0x0",
    parentBeaconBlockRoot: EMPTY_ROOT,
  }),
  level: "receipts",
};
