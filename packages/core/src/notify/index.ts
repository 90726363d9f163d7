export { outcomeOf, type RunFailure, type RunOutcome, type RunPart, type RunStart } from './run-outcome.js'
