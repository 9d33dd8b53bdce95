import { PRAGUE, hex } from "../consensus.mjs";
import { prague } from "./ethereum_prague.mjs";

// A deposit's receipt hashes its nonce and version as well, since Canyon.
export const tail = ({ depositNonce, depositReceiptVersion }) =>
  depositReceiptVersion ? [depositNonce, depositReceiptVersion] : [];
export const receipt = ({ transactionIndex }, { number }) => ({
  l1BlockNumber: "0x151c0",
  l1GasPrice: "0x1",
  l1Fee: "0x0",
  ...(transactionIndex === "0x0" ? { type: "0x7e", depositNonce: hex(number), depositReceiptVersion: "0x1" } : {}),
});

export default {
  what: "OP Mainnet and other chains of the OP stack: a deposit (0x7e) first in each block",
  real_note: "none",
  chain_id: 10,
  fields: PRAGUE,
  header: prague,
  receipt,
  tail,
  level: "receipts",
};
