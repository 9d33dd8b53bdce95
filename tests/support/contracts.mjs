// Contracts of a test's own, on a node that signs by itself. Whoever calls these waits for the receipt.
import { AbiCoder, Interface } from "../../tools/node/lib.mjs";

// `transact(name, to, method, ...values)` gives the receipt, `deploy(name, types, values)` the address.
export async function contracts(rpc, artifacts) {
  const [from] = await rpc.call("eth_accounts");
  async function send(to, data) {
    const hash = await rpc.call("eth_sendTransaction", { from, to, data, gas: "0x1c9c380" });
    let receipt = null;
    while (!receipt) receipt = await rpc.call("eth_getTransactionReceipt", hash);
    if (receipt.status !== "0x1") throw new Error("a transaction failed");
    return receipt;
  }
  const deploy = async (name, types = [], values = []) =>
    (await send(undefined, artifacts[name].bytecode + AbiCoder.defaultAbiCoder().encode(types, values).slice(2)))
      .contractAddress;
  const transact = (name, to, method, ...values) =>
    send(to, new Interface(artifacts[name].abi).encodeFunctionData(method, values));
  return { deploy, transact };
}
