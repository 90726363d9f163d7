import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the tests of one run used as secrets, and what came out of the code meanwhile; one file for each process. */
const folder = fileURLToPath(new URL('../../../../.leaks/', import.meta.url))

/** Where something came out. */
export const outputKinds = [
  ...(['event', 'error', 'result', 'stored', 'argv', 'output', 'alert', 'answer'] as const),
  ...(['process', 'console'] as const),
] as const
export type OutputKind = (typeof outputKinds)[number]

export type LeakLine =
  | { readonly kind: 'secret'; readonly text: string }
  /** `from` says which call, for the one who looks for the leak. */
  | { readonly kind: OutputKind; readonly from: string; readonly text: string }
  /** A file that others than its owner may read. */
  | { readonly kind: 'mode'; readonly from: string; readonly text: string }

export function writeLine(line: LeakLine): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify(line)}\n`, { mode: 0o600 })
}

/** Too short, or too ordinary, to tell a leak from a word: `postgres`, `signing key`, `mail.example.org`. */
const ordinary = /^[a-z. ]{0,16}$/
const known = new Set<string>()

/** Says that this must be seen nowhere. Short and ordinary words cannot be looked for. */
export function registerSecret(text: string | undefined): void {
  if (text === undefined || text.length < 8 || ordinary.test(text) || known.has(text)) return
  known.add(text)
  writeLine({ kind: 'secret', text })
}

export function readLines(): LeakLine[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    .map(line => JSON.parse(line) as LeakLine)
}

export function forgetRun(): void {
  rmSync(folder, { recursive: true, force: true })
}
