import { EMPTY_ROOT, FRONTIER } from "../consensus.mjs";

export default {
  what: "Avalanche C-Chain: the hash of what other chains sent stands in the header's RLP before the base fee",
  real_note: "none",
  chain_id: 43114,
  fields: [
    ...FRONTIER,
    "extDataHash",
    "baseFeePerGas",
    "extDataGasUsed",
    "blockGasCost",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
  ],
  header: () => ({
    difficulty: "0x1",
    extDataHash: `0x${"ed".repeat(32)}`,
    extDataGasUsed: "0x0",
    blockGasCost: "0x0",
    blockExtraData: "0x",
    blobGasUsed: "0x0",
    excessBlobGas: "0x0",
    parentBeaconBlockRoot: EMPTY_ROOT,
  }),
  level: "unprovable",
};
