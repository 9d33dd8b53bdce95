import { LONDON } from "../consensus.mjs";

const is_aura = ({ i }) => i <= 20;

export default {
  what: "Gnosis over its merge: 20 blocks of AuRa (step and seal in place of mix hash and nonce), then as Ethereum",
  real_note: "none",
  chain_id: 100,
  fields: (block) => (is_aura(block) ? null : LONDON),
  header: (block) =>
    is_aura(block)
      ? {
          mixHash: undefined,
          nonce: undefined,
          auraStep: String(331000000 + block.i),
          auraSeal: "5a".repeat(65),
          difficulty: "0xfffffffffffffffffffffffffffffffe",
          author: `0x${"a1".repeat(20)}`,
        }
      : {},
  level: "unprovable",
};
