import { lastDue, nextRun } from '../schedule/due-times.js'

/** When expressions are due; many products share one. */
export interface DueTimes {
  lastDue(expression: string, zone: string, at: Date): Date | undefined
  nextRun(expression: string, zone: string, at: Date): Date | undefined
}

/** Counts each expression and instant once. For one look: the instants change with the clock. */
export function rememberedDueTimes(): DueTimes {
  return { lastDue: remembering(lastDue), nextRun: remembering(nextRun) }
}

function remembering(ask: DueTimes['lastDue']): DueTimes['lastDue'] {
  const known = new Map<string, Date | undefined>()
  return (expression, zone, at) => {
    const key = `${expression}\0${zone}\0${at.getTime()}`
    if (!known.has(key)) known.set(key, ask(expression, zone, at))
    return known.get(key)
  }
}
