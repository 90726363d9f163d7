import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const file = fileURLToPath(new URL('./collect-less-often.ts', import.meta.url))

describe('collectLessOften', () => {
  it('says nothing on the Node that runs it, whichever it is', () => {
    const script = `import { createJiti } from 'jiti'; const m = await createJiti(import.meta.url).import(${JSON.stringify(file)}); m.collectLessOften(process.version)`
    const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    })
    expect(ran).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })
})
