/** What every study is told. */
export interface StudyOptions {
  /** Longer trainings and more of them, for numbers rather than for a look: hours instead of minutes. */
  readonly full: boolean;
  /** Where the figure goes. */
  readonly folder: string;
  /** Observations that methods are judged on; each study has its own default. */
  readonly cases?: number;
  /** Next to no training: whether the script runs, not what comes of it. */
  readonly quick: boolean;
}
