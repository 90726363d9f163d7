import type { HttpExplanation, HttpRefusal } from '@lifeboat/core/http'
import { wordsIn } from './words-in.js'

/** What is known of Supabase's refusals beyond their status. */
export function explainRefusal({ status, path, body }: HttpRefusal): HttpExplanation | undefined {
  const words = wordsIn(body)
  // Recorded: 400 {"message":"PITR is not enabled for this project."}
  if (status === 400 && /pitr is not enabled/i.test(words)) {
    return {
      code: 'provider-plan',
      hint: 'point-in-time recovery is an add-on of the project: buy it in the dashboard, or restore a backup (`lifeboat list --provider`)',
    }
  }
  if (status === 402 && path.endsWith('/schedule'))
    return { hint: 'the backup schedule is shown on Team and Enterprise plans only; the backups themselves are listed' }
  if (status === 403)
    return {
      hint: 'give the access token the scopes projects:read and database:read, for a recovery also database:write and projects:write',
    }
  if (status === 404 && path.includes('/projects/'))
    return { hint: "check projectRef: 20 lowercase letters, in the project's address in the dashboard" }
  if (status === 422 && path.endsWith('/restore-pitr'))
    return { code: 'outside-window', hint: '`lifeboat pitr window PRODUCT` shows the instants it can go back to' }
  return undefined
}
