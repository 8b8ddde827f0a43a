/** Ordinary differential equations in forward models. */
export { ode } from "./dynamics/ode.ts";
export type { Forcing, MethodName, OdeOptions, Rates, RightHandSide } from "./dynamics/options.ts";
