import { EMPTY_ROOT } from "../consensus.mjs";

export default {
  what: "Tempo: gas limits of lanes and milliseconds in the header, transactions of type 0x76",
  real: "tempo-17708868",
  real_note: "block 17708868 of Tempo, header and receipts; it does not hash by Ethereum's layout",
  chain_id: 4217,
  fields: null,
  header: ({ number }) => ({
    mainBlockGeneralGasLimit: "0x1c9c380",
    sharedGasLimit: "0x2faf080",
    timestampMillisPart: "0x9",
    withdrawalsRoot: EMPTY_ROOT,
    blobGasUsed: "0x0",
    excessBlobGas: "0x0",
    parentBeaconBlockRoot: `0x${"00".repeat(32)}`,
    requestsHash: EMPTY_ROOT,
    timestampMillis: `0x${(number * 500).toString(16)}`,
  }),
  receipt: () => ({ type: "0x76", feeToken: `0x20${"c0".repeat(19)}`, feePayer: `0x${"fe".repeat(20)}` }),
  level: "unprovable",
};
