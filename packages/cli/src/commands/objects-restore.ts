import { BackupError, contentArchived, type ObjectRestorePlan, type RestoreObjectsOptions } from '@lifeboat/core'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption } from '../command.js'
import { canAsk } from '../confirm.js'
import { exitStatus } from '../exit-status.js'
import { chooseSets, runOf } from '../object-sets.js'
import { openTargetStore } from '../open-target-store.js'
import { renderObjectPlan, renderObjectsRestored } from '../render/objects-lines.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

interface Flags extends RetrieveFlags {
  readonly to: string
  readonly prefix?: string
  readonly snapshot?: string
  readonly destination?: string
  readonly keepExisting?: boolean
  readonly overwrite?: boolean
  readonly overwriteSource?: boolean
  readonly allowUnsealed?: boolean
  readonly readBack?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

export function defineObjectsRestore(objects: Command, choose: Choose): void {
  const command = addCommand(objects, 'restore', 'restore objects into a bucket or a folder, after showing the plan', [
    'lifeboat objects restore shop uploads --to ./restored',
    'lifeboat objects restore shop uploads --to s3://shop-uploads-new',
    'lifeboat objects restore shop uploads --to source --prefix invoices/2026/ --keep-existing',
  ])
    .argument('<product>', 'a name from the configuration')
    .argument('[set]', "one of the product's sets of objects (needed where it has several)")
    .requiredOption('--to <target>', 'a folder, an s3:// address, or source: where the objects came from')
    .option('--prefix <prefix>', 'only keys that begin with this')
    .option('--snapshot <id>', 'another one than the newest')
    .addOption(destinationOption())
    .addOption(new Option('--keep-existing', 'leave keys that the target has as they are').conflicts('overwrite'))
    .option('--overwrite', 'replace keys that the target has')
    .option('--overwrite-source', 'allow, besides, the very place the objects came from')
    .option('--allow-unsealed', "restore although the snapshot carries no seal and the product's do")
    .option('--read-back', 'read every restored object again, and compare it')
    .option('--dry-run', 'show the plan; restores nothing')
    .option('--yes', 'do not ask')
  addRetrieveOptions(command).action((product: string, set: string | undefined, flags: Flags) =>
    choose(session => runRestore(session, product, set, flags)),
  )
}

async function runRestore(
  session: Session,
  product: string,
  named: string | undefined,
  flags: Flags,
): Promise<CommandResult> {
  const target = await openTargetStore(session.io, flags.to)
  const lifeboat = await session.open()
  const sets = chooseSets(session, lifeboat, product, named)
  const [set] = sets
  if (set === undefined || sets.length > 1)
    throw new UsageError(`${product} has several sets of objects`, `name one of: ${sets.join(', ')}`)
  const { prefix, snapshot, destination, overwriteSource, allowUnsealed, readBack } = flags
  const options: RestoreObjectsOptions = {
    ...{ prefix, snapshot, destination, overwriteSource, allowUnsealed, readBack, ...runOf(session) },
    retrieve: retrievalOf(flags),
    existing: flags.overwrite ? 'overwrite' : flags.keepExisting ? 'keep' : 'refuse',
  }
  const plan = await lifeboat.planObjectRestore(product, set, target, options)
  for (const warning of plan.warnings) session.warn(warning)
  if (flags.dryRun) return { status: exitStatus.done, document: { plan }, lines: renderObjectPlan(plan) }
  for (const line of renderObjectPlan(plan)) session.say(line)
  // Nobody is asked about what cannot be done.
  if (plan.archived !== null && options.retrieve === undefined) throw contentArchived(plan.archived)
  if (!flags.yes) await confirm(session, plan)
  // The newest may be another one by now; what was shown is what is restored.
  const { id, destination: shown } = plan
  const result = await lifeboat.restoreObjects(product, set, target, { ...options, snapshot: id, destination: shown })
  const good = result.failedCount === 0 && result.findings.length === 0
  const status = good ? exitStatus.done : result.restored > 0 ? exitStatus.partial : exitStatus.failed
  return { status, document: result, lines: renderObjectsRestored(result, session.colours) }
}

async function confirm(session: Session, plan: ObjectRestorePlan): Promise<void> {
  if (!canAsk(session.io))
    throw new UsageError(
      'a restore must be confirmed, and there is no terminal to ask on',
      'read the plan above, then add --yes',
    )
  session.progress.pause()
  const agreed = plan.targetIsSource
    ? (await session.prompts.text(`Type ${plan.product}/${plan.set} to write into the source:`))?.trim() ===
      `${plan.product}/${plan.set}`
    : await session.prompts.confirm(`Restore ${plan.objects} objects into ${plan.target}?`)
  if (!agreed || session.signal.aborted) throw new BackupError('cancelled', 'cancelled: nothing was changed')
}
