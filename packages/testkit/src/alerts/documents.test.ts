import { expect, it } from 'vitest'
import { secret } from '../../../core/src/config/secret.js'
import { sendWebhook } from '../../../core/src/notify/channels/send-webhook.js'
import { startHttpReceiver } from '../../../core/src/notify/testing/http-receiver.js'
import { commonEvents, messageOf, quickDeps } from '../../../core/src/notify/testing/sample-message.js'
import { verifyWebhook } from '../../../core/src/notify/webhook-signature.js'
import { runSnippet, snippet } from '../status/doc-snippets.js'

type ReadAlert = (request: Request, key: string, seen: Set<string>) => Promise<{ title: string } | undefined>

it('the receiver in docs/alerts.md takes a message once, and none that is not signed', async () => {
  const code = (await snippet('alerts.md', 'verify')).replace(/^import .*\n/m, '').replace('export async', 'async')
  const readAlert = runSnippet(`${code}\nreturn readAlert`, { verifyWebhook }) as ReadAlert
  const receiver = await startHttpReceiver()
  try {
    const message = messageOf(commonEvents)
    const settings = { url: secret.value(`${receiver.url}/hook`), secret: secret.value('the key') }
    await sendWebhook(settings, message, quickDeps())
    const { headers, body } = receiver.received[0]!
    const request = () =>
      new Request('http://localhost/hook', { method: 'POST', headers: headers as HeadersInit, body })
    const seen = new Set<string>()
    expect(await readAlert(request(), 'another key', seen)).toBeUndefined()
    expect((await readAlert(request(), 'the key', seen))?.title).toBe(message.title)
    expect(await readAlert(request(), 'the key', seen)).toBeUndefined()
  } finally {
    await receiver.close()
  }
})
