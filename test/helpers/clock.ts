/** Clocks that other programs on the machine do not stretch. */

/** Seconds of the processor that this process has used. */
function used(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds of the processor that an action takes. */
export function processorSeconds(action: () => unknown): number {
  const before = used();
  action();
  return used() - before;
}

/** Has the library tell time by the processor: a budget of seconds does as much on a busy machine. @returns what undoes it. */
export function tellProcessorTime(): () => void {
  const { now } = performance;
  performance.now = () => 1000 * used();
  return () => {
    performance.now = now;
  };
}
