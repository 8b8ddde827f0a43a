/** Options of every study. */
export interface StudyOptions {
  /** Longer and more trainings, for final numbers: hours instead of minutes. */
  readonly full: boolean;
  /** Where the figure goes. */
  readonly folder: string;
  /** Observations to judge methods on; each study has its own default. */
  readonly cases?: number;
  /** Almost no training, to check that the script runs. */
  readonly quick: boolean;
}
