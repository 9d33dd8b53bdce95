import { PRAGUE } from "../consensus.mjs";
import { refuse } from "../refuse.mjs";
import { prague } from "./ethereum_prague.mjs";

export default {
  what: "BNB Smart Chain by its public endpoints: Prague's fields, and every eth_getLogs is refused",
  real_note: "none",
  chain_id: 56,
  fields: PRAGUE,
  header: () => ({ ...prague(), difficulty: "0x2", extraData: `0x${"d8".repeat(97)}` }),
  answer: (method) => (method === "eth_getLogs" ? refuse(-32005, "limit exceeded") : undefined),
  level: "receipts",
};
