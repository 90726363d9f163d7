/** How long something took, by a clock that somebody may have set back meanwhile: never less than nothing. */
export function elapsedMs(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime())
}
