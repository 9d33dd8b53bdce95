import { createConfig } from "ponder";
import { abi } from "./abi";

// Everything but what names the node and the contract is Ponder's default.
export default createConfig({
  database: { kind: "postgres", connectionString: process.env.DATABASE_URL },
  chains: { local: { id: 31337, rpc: process.env.RPC_URL } },
  contracts: {
    Token: {
      chain: "local",
      abi,
      address: process.env.ADDRESS as `0x${string}`,
      startBlock: 0,
      endBlock: Number(process.env.LAST_BLOCK),
    },
  },
});
