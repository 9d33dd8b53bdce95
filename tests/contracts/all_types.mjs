// Fills an anvil chain with transactions of types 0 to 4, events and reverts among them, several a
// block. The last line of stdout is JSON: the emitter's address, what was sent, the receipt types.
//
//   node tests/contracts/all_types.mjs --rpc URL [--blocks 12]
import { ethers, options } from "../../tools/node/lib.mjs";

const { JsonRpcProvider, Wallet, concat, id, toBeHex, zeroPadValue } = ethers;

const args = options({ rpc: "http://127.0.0.1:8545", blocks: 12 }, "usage: all_types.mjs --rpc URL [--blocks N]");
const provider = new JsonRpcProvider(args.rpc, undefined, { staticNetwork: true, cacheTimeout: -1 });
const rpc = (method, ...params) => provider.send(method, params);
const key = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const wallet = new Wallet(key, provider);
const authority = new Wallet("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d", provider);
const { chainId } = await provider.getNetwork();

// Ping(uint256 n) with the call data as n; without call data it reverts.
const runtime = concat(["0x36156031573660006000377f", id("Ping(uint256)"), "0x366000a1005b60006000fd"]);
const init = concat(["0x603780600b6000396000f3", runtime]);

await rpc("evm_setAutomine", true);
let nonce = await wallet.getNonce();
const deployed = await (await wallet.sendTransaction({ data: init, nonce: nonce++ })).wait();
const emitter = deployed.contractAddress;
await rpc("evm_setAutomine", false);

const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n };
const base = (data) => ({ to: emitter, data, gasLimit: 200000n, chainId });
const word = (n) => zeroPadValue(toBeHex(n), 32);
const infinity = concat(["0xc0", new Uint8Array(47)]);
const blob = { data: new Uint8Array(131072), commitment: infinity, proof: concat(Array(128).fill(infinity)) };

let sent = 0;
const types = new Set();
for (let block = 0; block < args.blocks; ++block) {
  const count = block % 3 === 2 ? 0 : 3 + block; // some blocks stay empty
  for (let i = 0; i < count; ++i) {
    const type = (block + i) % 5;
    const data = (block + i) % 4 === 3 ? "0x" : word(1000 * block + i);
    let txn = { ...base(data), nonce: nonce++, type };
    if (type === 0) txn.gasPrice = 10n ** 11n;
    if (type === 1) Object.assign(txn, { gasPrice: 10n ** 11n, accessList: [{ address: emitter, storageKeys: [word(1)] }] });
    if (type >= 2) Object.assign(txn, fees);
    if (type === 3) Object.assign(txn, { maxFeePerBlobGas: 10n ** 10n, blobs: [blob], blobWrapperVersion: 1 });
    if (type === 4) txn.authorizationList = [await authority.authorize({ address: emitter, nonce: 1000, chainId })];
    await rpc("eth_sendRawTransaction", await wallet.signTransaction(txn));
    sent += 1;
  }
  await rpc("evm_mine");
  for (const receipt of await rpc("eth_getBlockReceipts", "latest")) types.add(Number(receipt.type));
}
await rpc("anvil_mine", "0x4");
const head = Number(await rpc("eth_blockNumber"));
let mined = 0;
let reverted = 0;
for (let n = 1; n <= head; ++n) {
  for (const receipt of await rpc("eth_getBlockReceipts", toBeHex(n).replace(/^0x0+/, "0x"))) {
    mined += 1;
    reverted += receipt.status === "0x0" ? 1 : 0;
  }
}
if (mined !== sent + 1) throw new Error(`${sent + 1} sent, ${mined} mined`);
console.log(JSON.stringify({ emitter, sent, reverted, types: [...types].sort(), head }));
provider.destroy();
