// SPDX-License-Identifier: Apache-2.0
// Runs PREFIX_selftest of a WebAssembly module: node selftest.mjs MODULE FUNCTION; its result is the exit status.
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
    console.error("imports", imports);
    process.exit(70);
}
process.exit(new WebAssembly.Instance(module, {}).exports[process.argv[3]]());
