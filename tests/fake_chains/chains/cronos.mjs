import { EMPTY_ROOT } from "../consensus.mjs";

export default {
  what: "Cronos: CometBFT's hash as the block's, an empty receipts root whatever the block has",
  real: "cronos-10000",
  real_note: "block 10000 of Cronos, header and receipt; it does not hash",
  chain_id: 25,
  fields: null,
  root: EMPTY_ROOT,
  header: () => ({ baseFeePerGas: undefined, mixHash: `0x${"00".repeat(32)}`, gasLimit: "0x989680" }),
  receipt: () => ({ type: "0x0" }),
  level: "unprovable",
};
