#!/usr/bin/env node
// Makes a component of a processor: joins its modules to one by esbuild, and puts that into a JavaScript engine.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const USAGE = `usage: loglift-build SOURCE [-o processor.wasm] [--engine quickjs|starlingmonkey] [--pure]

  -o, --output   the component that is made
  --engine       quickjs: small, quick to compile and to start (default)
                 starlingmonkey: 12 MB, with TextDecoder, URL, Intl and the like
  --pure         without any import of WASI: nothing to grant or to deny, and no clock`;

const sdk = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** The contract: beside a copy of the SDK, or where Loglift's repository has it. */
const wit = [join(sdk, "wit"), resolve(sdk, "../../wit")].find(existsSync);

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", short: "o", default: "processor.wasm" },
      engine: { type: "string", default: "quickjs" },
      pure: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const build = { quickjs: withQuickJs, starlingmonkey: withStarlingMonkey }[values.engine];
  if (positionals.length !== 1 || !build) throw new Failure(USAGE);
  if (!wit)
    throw new Failure(`the contract, wit/processor.wit, is not in ${sdk}: copy it there from Loglift's repository`);
  const source = resolve(positionals[0]);
  if (!existsSync(source)) throw new Failure(`${positionals[0]} is not there`);
  const directory = mkdtempSync(join(tmpdir(), "loglift-build-"));
  return component(source, directory, (bundle, world) => build(bundle, world, resolve(values.output), values.pure))
    .then(() => console.log(`${values.output}: ${Math.ceil(statSync(values.output).size / 1024)} KiB`))
    .finally(() => rmSync(directory, { recursive: true }));
}

async function component(source, directory, build) {
  // The definition says whether the processor remembers. It is looked at as node sees it.
  const native = join(directory, "definition.mjs");
  bundle(`export { default } from ${JSON.stringify(source)};`, directory, native);
  const { default: definition } = await import(pathToFileURL(native));
  if (typeof definition?.configure !== "function") {
    throw new Failure(`${source} has no default export that processor() made: export default processor({ ... })`);
  }
  const interfaces = definition.stateful ? "columnar, state" : "columnar";
  const entry = `
    import definition from ${JSON.stringify(source)};
    import { exportsOf } from ${JSON.stringify(join(sdk, "src/component.js"))};
    import * as host from "${HOST}";
    export const { ${interfaces} } = exportsOf(definition, host);`;
  const whole = join(directory, "processor.js");
  bundle(entry, directory, whole);
  build(whole, definition.stateful ? "stateful-processor" : "processor");
}

function bundle(entry, directory, output) {
  const file = join(directory, "entry.mjs");
  writeFileSync(file, entry);
  run("esbuild", [
    file,
    "--bundle",
    "--format=esm",
    "--target=es2024",
    "--log-level=warning",
    `--alias:loglift-sdk=${sdk}`,
    `--external:${HOST}`,
    `--outfile=${output}`,
  ]);
}

function withQuickJs(bundle, world, output, isPure) {
  const words = ["--wit", wit, "--world", world, "--js", bundle, "--sync", "--output", output];
  run("componentize-qjs", isPure ? [...words, "--stub-wasi"] : words);
}

function withStarlingMonkey(bundle, world, output, isPure) {
  // Nothing of HTTP is there for a processor. Without stdio, an error is a fault without a message.
  const off = isPure ? ["http", "fetch-event", "stdio", "random", "clocks"] : ["http", "fetch-event"];
  const words = ["--wit", wit, "--world-name", world, "--out", output, "--disable", ...off, "--", bundle];
  run("componentize-js", words);
}

/** Runs a tool of the project, or of the machine. What it prints is shown when it fails. */
function run(tool, words) {
  const path = `${resolve("node_modules/.bin")}${delimiter}${process.env.PATH}`;
  const { error, status, stdout, stderr } = spawnSync(tool, words, {
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  if (error?.code === "ENOENT") throw new Failure(`${tool} is missing: npm install --save-dev ${PACKAGES[tool]}`);
  if (error || status !== 0) throw new Failure(`${tool} failed\n${stdout ?? ""}${stderr ?? error}`);
  if (stderr && tool === "esbuild") console.error(stderr);
}

/** What is told without a stack. */
class Failure extends Error {}

const HOST = "loglift:processor/host@0.1.0";

/** The versions that this SDK was tried with. */
const PACKAGES = {
  esbuild: "esbuild@0.28.2",
  "componentize-qjs": "componentize-qjs@0.4.5",
  "componentize-js": "@bytecodealliance/componentize-js@0.23.0",
};

try {
  await main();
} catch (error) {
  console.error(error instanceof Failure || error?.code?.startsWith("ERR_PARSE_ARGS") ? error.message : error);
  process.exitCode = 1;
}
