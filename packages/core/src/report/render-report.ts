import { html, type Markup, trusted } from './html.js'
import { badge, productSection } from './product-section.js'
import { spokenDuration, spokenTime } from './quantities.js'
import type { ProductReport, ReportModel } from './report-model.js'
import { style } from './style.js'

/** Nothing of the page may load anything, whatever stands in it. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

/** One self-contained page: no script, no network, light and dark, phone and paper. */
export function renderReport(report: ReportModel): string {
  const anchors = report.products.map((_, at) => `product-${at + 1}`)
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">
<title>${summaryOf(report)}: backups on ${report.generatedAt.slice(0, 10)}</title><link rel="icon" href="data:,">
<style>${trusted(style)}</style></head>
<body><a class="skip" href="#main">Skip to the products</a>
<header><h1>${summaryOf(report)}</h1>
<p class="quiet">Backups as of ${spokenTime(report.generatedAt)}, from what their stores hold and what was proven of it since ${report.since.slice(0, 10)}</p>
<nav aria-label="Products"><ul class="products">${report.products.map((product, at) => card(product, anchors[at]!))}</ul></nav></header>
<main id="main">${report.products.map((product, at) => productSection(product, report, anchors[at]!))}</main>
<footer class="quiet">Made by ${report.tool}. Times are in UTC; sizes are stored bytes, compressed and encrypted.</footer>
</body></html>
`
  return page.text
}

function summaryOf({ products }: ReportModel): string {
  const count = (verdict: ProductReport['verdict']) => products.filter(one => one.verdict === verdict).length
  const of = `of ${products.length} product${products.length === 1 ? '' : 's'}`
  if (products.length === 0) return 'No products'
  if (count('bad') > 0) return `${count('bad')} ${of} cannot be relied on`
  if (count('attention') > 0) return `${count('attention')} ${of} need${count('attention') === 1 ? 's' : ''} attention`
  return products.length === 1 ? 'The product can be recovered' : `All ${products.length} products can be recovered`
}

function card({ name, verdict, headline, rpo, rto }: ProductReport, anchor: string): Markup {
  const age = rpo.measuredMs === null ? 'no backup' : `backup ${spokenDuration(rpo.measuredMs)} old`
  const drill = rto.measuredMs === null ? 'no drill' : `restores in ${spokenDuration(rto.measuredMs)}`
  return html`<li><a href="#${anchor}"><span class="top"><strong>${name}</strong>${badge(verdict)}</span><span class="say">${headline}</span><span class="quiet">${age}; ${drill}</span></a></li>`
}
