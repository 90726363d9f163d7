import picocolors from 'picocolors'
import type { CliIo, CliWriter } from '../cli-io.js'

export type Colours = ReturnType<typeof picocolors.createColors>

/** Colours for one output: only on a terminal, and only when nobody asked for none. */
export function coloursFor(writer: CliWriter, io: CliIo, wanted: boolean): Colours {
  const plain = !wanted || !writer.isTTY || Boolean(io.env.NO_COLOR) || io.env.TERM === 'dumb'
  return picocolors.createColors(!plain)
}
