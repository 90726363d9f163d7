import type { RolesRestorePlan } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { isAddress } from '../open-address.js'
import { oneLine } from '../render/one-line.js'
import { formatDuration, formatTime, plural } from '../render/quantities.js'
import { renderFields } from '../render/table.js'
import { type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { resolveTarget } from '../target-url.js'
import { UsageError } from '../usage-error.js'
import { confirmRestore } from './confirm-restore.js'

export interface RestoreRolesFlags extends RetrieveFlags {
  readonly to?: string
  readonly allowUnsealed?: boolean
  readonly destination?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** `restore --roles`: the roles that a server lacks. */
export async function runRestoreRoles(
  session: Session,
  name: string,
  flags: RestoreRolesFlags,
): Promise<CommandResult> {
  if (flags.to === undefined)
    throw new UsageError(
      "--roles needs '--to <target>'",
      'name any database of the server; --dry-run shows what would run',
    )
  const target = resolveTarget(flags.to, session.io.env)
  if (target.exposed)
    session.warn(
      'a password on the command line can be read by everyone on this machine; use --to env:NAME or PGPASSWORD',
    )
  const lifeboat = await session.open(name)
  const options = {
    ...{ to: target.url, allowUnsealed: flags.allowUnsealed, destination: flags.destination },
    ...{ retrieve: retrievalOf(flags), signal: session.signal, onEvent: session.progress.onEvent },
  }
  const plan = await lifeboat.planRolesRestore(name, options)
  if (flags.dryRun) {
    for (const warning of plan.warnings) session.warn(warning)
    return { status: exitStatus.done, document: { plan }, lines: [...renderRolesPlan(plan), ...statementLines(plan)] }
  }
  for (const line of renderRolesPlan(plan)) session.say(line)
  for (const warning of plan.warnings) session.warn(warning)
  if (!flags.yes) await confirmRestore(session, `Make ${plural(plan.creates.length, 'role')} in ${plan.target}?`)
  // `latest` may be another backup by now; what was shown is what is restored.
  const planned = isAddress(name, session.io.cwd) ? name : `${plan.product}/${plan.id}`
  const from = planned === name ? options : { ...options, destination: plan.destination }
  const result = await lifeboat.restoreRoles(planned, from)
  const done = `${plural(plan.creates.length, 'role')} of ${plan.product}/${plan.id} in ${plan.target}`
  return {
    status: exitStatus.done,
    document: result,
    lines: [`${session.colours.green('restored')} ${oneLine(done)} in ${formatDuration(result.durationMs)}`],
  }
}

function renderRolesPlan(plan: RolesRestorePlan): string[] {
  return renderFields([
    [
      'restore',
      oneLine(`roles of ${plan.product}/${plan.id} of ${formatTime(plan.createdAt)}, from ${plan.destination}`),
    ],
    ['into', oneLine(plan.target)],
    ['makes', oneLine(plan.creates.join(', ')) || 'none: the target has all of them'],
  ])
}

function statementLines({ statements }: RolesRestorePlan): string[] {
  const lines = statements.map(({ sql, skipped }) => (skipped === null ? `${sql};` : `-- ${sql}; (${skipped})`))
  return lines.length === 0 ? [] : ['', ...lines.map(oneLine)]
}
