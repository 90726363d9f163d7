import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const docs = fileURLToPath(new URL('../../../../docs/', import.meta.url))

/** The text of a page of the documentation. */
export function readPage(page: string): Promise<string> {
  return readFile(`${docs}${page}`, 'utf8')
}

/** The piece of code in a page that is marked so: ```` ```js express ````. */
export async function snippet(page: string, mark: string): Promise<string> {
  const found = new RegExp(`^\`\`\`js ${mark}\n(.*?)^\`\`\`$`, 'ms').exec(await readPage(page))?.[1]
  if (found === undefined) throw new Error(`docs/${page} has no code marked "js ${mark}"`)
  return found
}

/** Runs a piece of code with the names that it uses. */
export function runSnippet(code: string, names: Readonly<Record<string, unknown>>): unknown {
  return new Function(...Object.keys(names), code)(...Object.values(names))
}
