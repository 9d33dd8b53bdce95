export default {
  what: "Celo as it was until 2025: no gas limit, difficulty, ommers, mix hash or nonce in the header",
  real_note: "none",
  chain_id: 42220,
  fields: null,
  header: () => ({
    sha3Uncles: undefined,
    difficulty: undefined,
    gasLimit: undefined,
    mixHash: undefined,
    nonce: undefined,
    baseFeePerGas: undefined,
    randomness: { committed: `0x${"c0".repeat(32)}`, revealed: `0x${"0e".repeat(32)}` },
    epochSnarkData: null,
  }),
  level: "unprovable",
};
