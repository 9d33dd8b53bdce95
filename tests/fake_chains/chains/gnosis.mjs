import { PRAGUE } from "../consensus.mjs";
import { prague } from "./ethereum_prague.mjs";

export default {
  what: "Gnosis after its merge: as Ethereum, blocks of five seconds",
  real_note: "none",
  chain_id: 100,
  fields: PRAGUE,
  header: prague,
  level: "receipts",
};
