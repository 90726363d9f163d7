import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { statusAnswerSchema } from '@lifeboat/core/status'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { readPage } from './doc-snippets.js'

it('docs/status.schema.json is the shape that answers are held to', async () => {
  const made = z.toJSONSchema(statusAnswerSchema)
  const file = fileURLToPath(new URL('../../../../docs/status.schema.json', import.meta.url))
  if (process.env.LIFEBOAT_WRITE_DOCS === '1') await writeFile(file, `${JSON.stringify(made, null, 2)}\n`)
  // The formatter lays it out in its own way.
  expect(JSON.parse(await readPage('status.schema.json')), 'write it with LIFEBOAT_WRITE_DOCS=1').toEqual(made)
})
