// `plumbline codegen ts` and openapi-typescript say the same of one document: each takes what the other gives.
import type * as own from "./document";
import type * as theirs from "./reference";

type Takes<A, B> = [A] extends [B] ? true : false;
const schemas: [Takes<own.components["schemas"], theirs.components["schemas"]>, Takes<theirs.components["schemas"], own.components["schemas"]>] = [true, true];
type Same<A, B> = [Takes<A, B>, Takes<B, A>];
const names: Same<keyof own.paths, keyof theirs.paths> = [true, true];
const paths: { [P in keyof own.paths]: Same<own.paths[P], theirs.paths[P & keyof theirs.paths]> } extends { [P in keyof own.paths]: [true, true] } ? true : false = true;
// Were it no comparison, this would compile.
// @ts-expect-error they differ
const wrong: Takes<own.components["schemas"]["entity.vote"], theirs.components["schemas"]["entity.community"]> = true;
export { names, paths, schemas, wrong };
