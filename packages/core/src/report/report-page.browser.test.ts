import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { axeFile, launchBrowser } from '../../../testkit/src/browser.js'
import { renderReport } from './render-report.js'
import { sampleReport } from './testing/sample-report.js'

type Browser = Awaited<ReturnType<typeof launchBrowser>>

let browser: Browser
let folder: string
let address: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-report-test-'))
  const file = join(folder, 'report.html')
  await writeFile(file, renderReport(sampleReport()))
  address = pathToFileURL(file).href
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Words in charts whose colour is neither that of the text around them nor that of a warning. */
const inkOfCharts = `(() => {
  const known = ['.tile .value', 'h2', '.findings b.critical'].map(one => getComputedStyle(document.querySelector(one)).color)
  return [...document.querySelectorAll('svg text')].filter(one => !known.includes(getComputedStyle(one).fill)).map(one => one.outerHTML)
})()`

const themes = ['light', 'dark'] as const
const looks = [390, 1280].flatMap(width => themes.map(colorScheme => ({ width, colorScheme })))

describe.each(looks)('the report at $width px, $colorScheme', ({ width, colorScheme }) => {
  it('loads nothing, says nothing on the console, fits, and has no fault that an accessibility engine finds', async () => {
    // The engine is put in from outside; the page itself allows no script.
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true })
    const page = await context.newPage()
    const console: string[] = []
    const requests: string[] = []
    page.on('console', message => console.push(message.text()))
    page.on('pageerror', error => console.push(String(error)))
    page.on('dialog', dialog => console.push(`dialog: ${dialog.message()}`))
    page.on('request', request => requests.push(request.url()))
    await page.goto(address, { waitUntil: 'load' })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    await page.addScriptTag({ path: axeFile })
    const found = (await page.evaluate("axe.run({ resultTypes: ['violations', 'incomplete'] })")) as AxeResults
    // It cannot judge contrast within a picture: there, words must have colours that it judged elsewhere on the same ground.
    const unjudged = describeNodes(found.incomplete.filter(one => one.id === 'color-contrast'))
    expect(unjudged.filter(one => !/^color-contrast: <(text|tspan)/.test(one))).toEqual([])
    expect(await page.evaluate(inkOfCharts)).toEqual([])
    await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    const opened = (await page.evaluate("axe.run({ resultTypes: ['violations'] })")) as AxeResults
    expect(describeNodes([...found.violations, ...opened.violations])).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    expect(requests.filter(url => url !== address && url !== 'data:,')).toEqual([])
    expect(console).toEqual([])
    await context.close()
  })
})

describe('the report', () => {
  it('runs no script and opens no address that a store holds', async () => {
    const page = await browser.newPage()
    const happened: string[] = []
    page.on('dialog', dialog => happened.push(dialog.message()))
    page.on('request', request => happened.push(request.url()))
    await page.goto(address)
    expect(await page.locator('script, iframe, object, embed, img').count()).toBe(0)
    expect(happened.filter(one => one !== address && one !== 'data:,')).toEqual([])
    await page.close()
  })

  it('holds even where escaping would not: a script that gets in does not run, an image is not asked for', async () => {
    const asked: string[] = []
    const listener = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end()
    })
    await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
    const { port } = listener.address() as AddressInfo
    const image = `<img src="http://127.0.0.1:${port}/x" onerror="document.title = 'ran'">`
    const outcomes: { title: string; asked: number }[] = []
    for (const bypassCSP of [false, true]) {
      const page = await browser.newPage({ bypassCSP })
      await page.goto(address)
      await page.evaluate(`new Promise(done => {
        document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(image)})
        document.body.lastElementChild.addEventListener('error', () => setTimeout(done, 20))
      })`)
      outcomes.push({ title: await page.title(), asked: asked.splice(0).length })
      await page.close()
    }
    listener.close()
    expect(outcomes).toEqual([
      { title: expect.not.stringMatching(/^ran$/), asked: 0 },
      // Without the policy both would have happened.
      { title: 'ran', asked: 1 },
    ])
  })

  it('is walked through with the keyboard alone: to the products, to each of them, and its tables', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } })
    await page.goto(address)
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the products')
    const stops: string[] = []
    const unseen: string[] = []
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press('Tab')
      const stop = (await page.evaluate(
        "[document.activeElement.tagName, document.activeElement.getAttribute('aria-label') ?? document.activeElement.getAttribute('href') ?? document.activeElement.textContent].join(' ')",
      )) as string
      if (stop.startsWith('BODY')) break
      stops.push(stop)
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
      if (outline !== 'solid') unseen.push(stop)
    }
    // Whoever walks sees where they are.
    expect(unseen).toEqual([])
    expect(stops.slice(0, 3)).toEqual(['A #product-1', 'A #product-2', 'A #product-3'])
    expect(stops).toContain('SUMMARY The numbers of 90 backups')
    expect(stops).toContain('SUMMARY Earlier drills')
    await page.locator('summary').first().focus()
    await page.keyboard.press('Enter')
    expect(await page.locator('details[open]').count()).toBe(1)
    await page.close()
  })

  it('prints in dark ink on white from a dark screen, and nothing is wider than the paper', async () => {
    const page = await browser.newPage({ colorScheme: 'dark', viewport: { width: 700, height: 900 } })
    await page.goto(address)
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(
      await page.evaluate(
        '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color, document.documentElement.scrollWidth]',
      ),
    ).toEqual(['rgb(255, 255, 255)', 'rgb(17, 17, 17)', 700])
    expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-')
    await page.close()
  })
})

interface AxeResult {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}
interface AxeResults {
  readonly violations: readonly AxeResult[]
  readonly incomplete: readonly AxeResult[]
}

function describeNodes(results: readonly AxeResult[]): string[] {
  return results.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)}: ${failureSummary?.slice(0, 200)}`),
  )
}
