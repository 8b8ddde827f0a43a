#!/usr/bin/env bash
# webgpu (Dawn for Node): a device that is in use does not keep its GPU object alive. When the garbage collector takes the object that
# create() returned, the whole process dies by a signal; no exception, no device.lost.
#
# Versions   webgpu 0.6.2 from npm; Node 20 and 24. Dawn's null backend, so no GPU and no driver are needed.
# Behaviour  A function that creates the GPU object, asks it for an adapter and a device, and returns the device alone, works until
#            some later collection; then the process is aborted (134) or has a segmentation fault (139). With a reference to the GPU
#            object the same program ends with 0.
# Seen       besides the device, nothing kept: status 134
#            besides the device, adapter kept: status 134 (139 in other runs)
#            besides the device, gpu kept: status 0
# A guess    In a browser, navigator.gpu is always there, and every WebGPU object keeps what it needs: a program holds the device and
#            forgets the rest. Keeping the adapter as well is the careful guess, and it does not help. Whoever reads in the README that Dawn
#            lives as long as the object is referenced expects a lost device at worst; the README even advises to delete the
#            object, so that Node can exit.
#
# Ends with 0 as long as this holds. Needs npm and Node.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
npm install --no-audit --no-fund --silent webgpu@0.6.2

cat >device.js <<'JS'
import { create } from "webgpu";
const kept = [];
async function open() {
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  if (process.argv[2] === "adapter") kept.push(adapter);
  if (process.argv[2] === "gpu") kept.push(gpu);
  return adapter.requestDevice();
}
const device = await open();
for (let i = 0; i < 50; i++) {
  globalThis.gc(); // as any allocation might
  await new Promise((resolve) => setTimeout(resolve, 10));
}
device.createBuffer({ size: 16, usage: 4 | 8 });
await device.queue.onSubmittedWorkDone();
console.log("alive", kept.length);
device.destroy();
JS

# status WHAT_IS_KEPT: the exit status.
status() {
  local code=0
  (node --expose-gc device.js "$1" >/dev/null 2>&1) 2>/dev/null || code=$?
  echo "$code"
}
for kept in nothing adapter; do
  code="$(status "$kept")"
  echo "besides the device, $kept kept: status $code"
  ((code > 128)) || { echo "changed: expected the end by a signal"; exit 1; }
done
code="$(status gpu)"
echo "besides the device, gpu kept: status $code"
((code == 0)) || { echo "changed: expected 0"; exit 1; }
