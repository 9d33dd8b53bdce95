import { ethers } from "../../../tools/node/lib.mjs";
import { LONDON } from "../consensus.mjs";

const { keccak256, concat, zeroPadValue, toBeHex } = ethers;

// Every sixteenth block ends with a state sync: its logs are in eth_getLogs and its receipt in eth_getBlockReceipts, but
// neither is in the receipts root or the bloom.
export const is_sprint = ({ number }) => number % 16 === 0;
const sync_log = (token) => ({
  address: token,
  topics: [ethers.id("Transfer(address,address,uint256)"), zeroPadValue("0x00", 32), zeroPadValue("0xa11ce001", 32)],
  data: zeroPadValue("0x64", 32),
});

export default {
  what: "Polygon PoS before Madhugiri: state syncs outside of the receipts root",
  real: "polygon-50000000",
  real_note: "block 50000000 of Polygon PoS, header and receipts; it hashes",
  chain_id: 137,
  blocks: 48,
  fields: LONDON,
  header: () => ({ difficulty: "0x15", extraData: `0x${"d7".repeat(97)}` }),
  logs: (block, usual) => (is_sprint(block) ? [...usual, [sync_log(block.token)]] : usual),
  receipt(receipt, block) {
    if (!is_sprint(block) || receipt.transactionIndex !== "0x2") return {};
    return { type: "0x0", cumulativeGasUsed: "0x0", gasUsed: "0x0", outside_root: true };
  },
  sealed({ header, receipts }) {
    const sync = receipts.find(({ outside_root }) => outside_root);
    const parts = [ethers.toUtf8Bytes("matic-bor-receipt-"), toBeHex(header.number, 8), header.hash];
    if (sync) sync.transactionHash = keccak256(concat(parts));
  },
  level: "linked",
};
