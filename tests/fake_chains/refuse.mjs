// Throws what the node answers as a JSON-RPC error.
export function refuse(code, message) {
  throw Object.assign(new Error(message), { code });
}
