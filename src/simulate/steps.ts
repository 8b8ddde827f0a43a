/** Steps of the counter of draws, one for each use of simulations. They are negative, so training never reaches them. */
export const SIMULATION_STEPS = {
  bank: -1,
  heldOut: -2,
  fingerprint: -3,
  validation: -4,
  user: -5,
  starts: -6,
  /** Noise as numbers; -7 is that of predictive checks. */
  noise: -9,
  predict: -8,
  /** The choice of the steps of solvers. */
  solver: -10,
  /** Complete data that the features of rows with circumstances are fitted to. */
  complete: -11,
  /** Surrogates take this step and those below it, one for each of their simulations. */
  surrogate: -1000,
  /** Chains take this step and those below it where their first start is not finite. */
  restarts: -2000,
} as const;
