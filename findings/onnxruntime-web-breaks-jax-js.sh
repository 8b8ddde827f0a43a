#!/usr/bin/env bash
# onnxruntime-web and jax-js in one Node process: once the one has made a session, the other ends the process at its first computation.
#
# Versions   onnxruntime-web 1.30.0 and @jax-js/jax 0.1.25 from npm; Node 20 and 24.
# Behaviour  In Node, InferenceSession.create of onnxruntime-web makes the Worker of worker_threads a global, also with
#            env.wasm.numThreads = 1, and leaves it there; importing the package does not. jax-js takes a global Worker for a
#            browser's and starts its threads from a blob: address, which worker_threads refuses (ERR_WORKER_PATH). Delete the global
#            after the session, and jax-js computes.
# Seen       Worker: undefined, after the import undefined, after a session function
#            jax-js alone: 16777216
#            jax-js after a session: TypeError [ERR_WORKER_PATH]
#            jax-js after a session, Worker deleted: 16777216
# A guess    Two WebAssembly libraries share nothing; a setting for one thread means that nothing of workers is touched; a session that
#            could not be loaded leaves no trace. (The session here is given three bytes that are no model: it fails, and the global stays.)
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
npm install --no-audit --no-fund --silent onnxruntime-web@1.30.0 @jax-js/jax@0.1.25

cat >both.js <<'JS'
const [session, remove] = process.argv.slice(2).map((word) => word === "yes");
if (session) {
  const seen = [typeof Worker];
  const ort = await import("onnxruntime-web");
  seen.push(typeof Worker);
  ort.env.wasm.numThreads = 1;
  await ort.InferenceSession.create(Uint8Array.of(1, 2, 3)).catch(() => {});
  seen.push(typeof Worker);
  console.log(`Worker: ${seen[0]}, after the import ${seen[1]}, after a session ${seen[2]}`);
  if (seen.join() !== "undefined,undefined,function") throw new Error("changed");
  if (remove) delete globalThis.Worker;
}
const { defaultDevice, init, numpy: np } = await import("@jax-js/jax");
await init("wasm");
defaultDevice("wasm");
const ones = np.ones([256, 256]);
console.log((await np.matmul(ones.ref, ones).sum().data())[0]);
JS

# run SESSION REMOVE WANTED: the output of both.js, which contains WANTED.
run() {
  local output
  output="$(timeout 120 node both.js "$1" "$2" 2>&1 || true)"
  echo "session $1, Worker deleted $2: $(grep -m1 -oE "$3" <<<"$output" || true)"
  grep -qE "$3" <<<"$output" || { echo "changed: expected $3, got $output"; exit 1; }
}
run no no '^16777216$'
run yes no 'TypeError \[ERR_WORKER_PATH\]'
run yes yes '^16777216$'
