import { EMPTY_ROOT, PRAGUE } from "../consensus.mjs";

export const prague = () => ({
  withdrawalsRoot: EMPTY_ROOT,
  blobGasUsed: "0x20000",
  excessBlobGas: "0x0",
  parentBeaconBlockRoot: EMPTY_ROOT,
  requestsHash: "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
});

export default {
  what: "Ethereum with Prague's fields, a blob and a set-code transaction in each block",
  real_note: "none",
  chain_id: 1,
  fields: PRAGUE,
  header: prague,
  receipt: (receipt) => ({ type: receipt.transactionIndex === "0x0" ? "0x3" : "0x4" }),
  level: "receipts",
};
