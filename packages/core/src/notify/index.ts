export {
  type AlertItem,
  type AlertMessage,
  composeMessage,
  composeTest,
  type MessagePart,
  type ProductPart,
} from './alert-message.js'
export { type AlertEntry, type AlertState, emptyAlertState } from './alert-state.js'
export { type MailText, mailText } from './channels/mail-text.js'
export { type SlackBlock, type SlackPayload, slackPayload } from './channels/slack-blocks.js'
export { type MessageOutcome, noteDeliveries } from './note-deliveries.js'
export type { AlertPolicy, Severity } from './notify-policy.js'
export type { Seen } from './observe.js'
export { type AlertEvent, type AlertPlan, type PlannedMessage, planAlerts } from './plan-alerts.js'
export { outcomeOf, type RunFailure, type RunOutcome, type RunPart, type RunStart } from './run-outcome.js'
export {
  deliveryHeader,
  signatureHeader,
  timestampHeader,
  verifyWebhook,
  type WebhookRequest,
} from './webhook-signature.js'
