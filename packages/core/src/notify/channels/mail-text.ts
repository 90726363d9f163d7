import { type AlertItem, type AlertMessage, type ProductPart, saidOf, standingOf } from '../alert-message.js'

/** A mail, in words and as a page. */
export interface MailText {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** The message as a mail. Every product and every finding is in it. */
export function mailText(message: AlertMessage, now: Date): MailText {
  return {
    subject: `[Lifeboat] ${oneLine(message.title)}`,
    text: plainText(message, now),
    html: htmlText(message, now),
  }
}

function plainText({ title, products, notes }: AlertMessage, now: Date): string {
  const parts = products.map(part => {
    const lines = part.findings.flatMap(item => [
      '',
      `${stateOf(item).toUpperCase()}  ${nameOf(item)}`,
      `  ${saidOf(item)}`,
      `  ${standingOf(item, now)}`,
      ...(item.hint !== null && item.hint !== item.command ? [`  ${item.hint}`] : []),
      ...(item.command === null ? [] : [`  > ${item.command}`]),
    ])
    const head = [
      ...(products.length > 1 ? [part.product] : []),
      ...(part.recovery === null ? [] : [`${capital(part.recovery)}.`]),
    ]
    return [...head, ...lines, '', `See all: lifeboat status ${part.product}`].join('\n')
  })
  return `${[title, ...parts, ...notes].join('\n\n')}\n`
}

const colours = { critical: '#b3261e', warning: '#9a5b00', info: '#2b5c9e', recovered: '#1f7a3d' } as const

/** Inline styles only: most mail programs take no others. */
function htmlText({ title, state, products, notes }: AlertMessage, now: Date): string {
  const body = [
    `<h1 style="font-size:18px;line-height:1.35;margin:0 0 16px;color:${colours[state]}">${escapeHtml(title)}</h1>`,
    ...products.map(part => htmlPart(part, products.length > 1, now)),
    ...notes.map(note => `<p style="margin:16px 0 0">${escapeHtml(note)}</p>`),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${escapeHtml(title)}</title>
</head>
<body style="margin:0;padding:20px;background:#ffffff;color:#1d1d1f;font:15px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<div style="max-width:640px;overflow-wrap:anywhere">
${body.join('\n')}
</div>
</body>
</html>
`
}

function htmlPart({ product, recovery, findings }: ProductPart, named: boolean, now: Date): string {
  return [
    ...(named ? [`<h2 style="font-size:16px;margin:24px 0 8px">${escapeHtml(product)}</h2>`] : []),
    ...(recovery === null ? [] : [`<p style="margin:0 0 16px">${escapeHtml(capital(recovery))}.</p>`]),
    ...findings.map(item => htmlItem(item, now)),
    `<p style="margin:16px 0 0;color:#55555a">See all: ${htmlCommand(`lifeboat status ${product}`)}</p>`,
  ].join('\n')
}

function htmlItem(item: AlertItem, now: Date): string {
  const { hint, command } = item
  const state = stateOf(item)
  const lines = [
    `<div style="font-size:13px;color:${colours[state]}"><strong>${capital(state)}</strong> · ${escapeHtml(nameOf(item))}</div>`,
    `<div>${escapeHtml(saidOf(item))}</div>`,
    `<div style="font-size:13px;color:#55555a">${escapeHtml(standingOf(item, now))}</div>`,
    ...(hint !== null && hint !== command ? [`<div>${escapeHtml(hint)}</div>`] : []),
    ...(command === null ? [] : [`<div style="margin-top:6px">${htmlCommand(command)}</div>`]),
  ]
  return `<div style="margin:0 0 16px;padding:2px 0 2px 12px;border-left:4px solid ${colours[state]}">\n${lines.join('\n')}\n</div>`
}

function htmlCommand(command: string): string {
  const style =
    'font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;background:#f0f0f2;padding:2px 6px;border-radius:4px'
  return `<code style="${style}">${escapeHtml(command)}</code>`
}

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, one => names[one]!)
}

function stateOf({ what, severity }: AlertItem) {
  return what === 'recovered' ? 'recovered' : severity
}

function nameOf({ code, subject }: AlertItem): string {
  return subject === null ? code : `${code} · ${subject}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
}
