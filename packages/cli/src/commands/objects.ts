import type { CopyObjectsResult, Lifeboat, ObjectsPruneResult, ObjectsReport, RunPart } from '@lifeboat/core'
import type { SetJob } from '@lifeboat/core/schedule'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption, noNotifyOption } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOf, worstStatus } from '../exit-status.js'
import { chooseSets, runOf } from '../object-sets.js'
import { describeError } from '../render/describe-error.js'
import { renderCopied, renderObjectsPruned, renderObjectsReport, renderSnapshots } from '../render/objects-lines.js'
import { oneLine } from '../render/one-line.js'
import { startReport } from '../reporting.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { defineObjectsRestore } from './objects-restore.js'

interface Flags extends RetrieveFlags {
  readonly destination?: string
  readonly full?: boolean
  readonly apply?: boolean
  readonly snapshot?: string
  readonly level?: 'listed' | 'stored' | 'content'
  readonly sample?: number
  readonly notify: boolean
}

export function defineObjects(program: Command, choose: Choose): void {
  const objects = addCommand(program, 'objects', 'buckets and folders of files, copied object by object', [
    'lifeboat objects backup shop',
    'lifeboat objects list shop',
    'lifeboat objects restore shop uploads --to ./restored --prefix invoices/2026/',
  ])
  const everyDestination = () => new Option('--destination <name>', 'only this destination (default: all of the set)')
  const add = (name: string, description: string, examples: readonly string[]) =>
    addCommand(objects, name, description, examples)
      .argument('<product>', 'a name from the configuration')
      .argument('[set]', "one of the product's sets of objects (default: all)")

  add('backup', 'copy what is new or changed, and write a snapshot of everything', [
    'lifeboat objects backup shop uploads',
  ])
    .option('--full', 'fetch every object anew, whatever the snapshot before has')
    .addOption(everyDestination())
    .addOption(noNotifyOption())
    .action((product: string, set: string | undefined, flags: Flags) =>
      choose(session => backup(session, product, set, flags)),
    )
  add('list', 'list snapshots, newest first', ['lifeboat objects list shop'])
    .addOption(everyDestination())
    .action((product: string, set: string | undefined, flags: Flags) =>
      choose(session => list(session, product, set, flags)),
    )
  const verifying = add('verify', 'check the newest snapshot of each set', [
    'lifeboat objects verify shop',
    'lifeboat objects verify shop recordings --level content --sample 0.01',
  ])
    .addOption(new Option('--level <level>', 'how deep (default: content)').choices(['listed', 'stored', 'content']))
    .option('--sample <share>', 'read this share of it, chosen at random: 0.01 is one of a hundred', parseShare)
    .option('--snapshot <id>', 'another one than the newest')
    .addOption(destinationOption())
    .addOption(noNotifyOption())
  addRetrieveOptions(verifying).action((product: string, set: string | undefined, flags: Flags) =>
    choose(session => verify(session, product, set, flags)),
  )
  defineObjectsRestore(objects, choose)
  add('prune', 'show which snapshots and contents may go, and with --apply remove them', [
    'lifeboat objects prune shop --apply',
  ])
    .option('--apply', 'remove what the plan says; without it nothing is changed')
    .addOption(everyDestination())
    .addOption(noNotifyOption())
    .action((product: string, set: string | undefined, flags: Flags) =>
      choose(session => prune(session, product, set, flags)),
    )
}

async function backup(
  session: Session,
  product: string,
  set: string | undefined,
  flags: Flags,
): Promise<CommandResult> {
  const done = await forEachSet<CopyObjectsResult>(session, product, set, told('copy', flags), (lifeboat, name) => {
    const { full, destination } = flags
    return lifeboat.copyObjects(product, name, { full, destination, ...runOf(session) })
  })
  const statuses = done.results.map(({ status }) => (status === 'complete' ? exitStatus.done : exitStatus.partial))
  return {
    status: combinedStatus([...done.failures, ...statuses]),
    document: { product, ...done.document },
    lines: done.results.flatMap(result => renderCopied(result, session.colours)),
  }
}

async function list(session: Session, product: string, set: string | undefined, flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  chooseSets(session, lifeboat, product, set)
  const { destination } = flags
  const found = await lifeboat.listObjectSnapshots(product, set, { destination, archives: true, ...runOf(session) })
  for (const { key, destination, message } of found.unreadable)
    session.warn(`${destination}: ${oneLine(key)} cannot be read: ${oneLine(message)}`)
  const lines = renderSnapshots(found.snapshots, session.colours)
  return { status: exitStatus.done, document: { product, ...found }, lines }
}

async function verify(
  session: Session,
  product: string,
  set: string | undefined,
  flags: Flags,
): Promise<CommandResult> {
  // What an older snapshot is like tells nothing of today's.
  const tell = { ...told('verify', flags), wanted: flags.notify && flags.snapshot === undefined }
  const done = await forEachSet<ObjectsReport>(session, product, set, tell, (lifeboat, name) => {
    const { level, sample, snapshot, destination } = flags
    const retrieve = retrievalOf(flags)
    return lifeboat.verifyObjects(product, name, { level, sample, snapshot, destination, retrieve, ...runOf(session) })
  })
  // Whoever names a set wants its content read; a look at all of them must not fail for an archive, nor one at what lies there.
  const wantsContent = set !== undefined && (flags.level ?? 'content') === 'content'
  const statuses = done.results.map(({ ok, findings }) => {
    if (!ok) return exitStatus.damaged
    const unread = wantsContent && findings.some(({ code }) => code === 'content-archived')
    return unread ? exitStatus.archived : exitStatus.done
  })
  return {
    status: worstStatus([...done.failures, ...statuses]),
    document: { product, ok: done.failures.length === 0 && done.results.every(({ ok }) => ok), ...done.document },
    lines: done.results.flatMap(report => renderObjectsReport(report, session.colours)),
  }
}

async function prune(session: Session, product: string, set: string | undefined, flags: Flags): Promise<CommandResult> {
  const { apply = false, destination } = flags
  const tell = { ...told('prune', flags), wanted: flags.notify && apply }
  const done = await forEachSet<readonly ObjectsPruneResult[]>(session, product, set, tell, (lifeboat, name) =>
    lifeboat.pruneObjects(product, name, { apply, destination, ...runOf(session) }),
  )
  const results = done.results.flat()
  const statuses = results.map(({ retained, held }) =>
    retained.length === 0 && held === null ? exitStatus.done : exitStatus.partial,
  )
  const removable = results.some(({ plan, unneeded }) => plan.remove.length + unneeded.count > 0)
  return {
    status: combinedStatus([...done.failures, ...statuses]),
    document: { product, ...done.document, applied: apply, results },
    lines: [
      ...results.flatMap(result => renderObjectsPruned(result, session.colours)),
      ...(apply || !removable ? [] : ['nothing was removed: this was a dry run; add --apply to remove']),
    ],
  }
}

/** What whoever is to be told of a run with a set is told of. */
interface Telling {
  readonly job: (set: string) => SetJob
  readonly wanted: boolean
  readonly destination: string | undefined
}

function told(does: 'copy' | 'verify' | 'prune', { notify, destination }: Flags): Telling {
  return { job: set => `${does}:${set}`, wanted: notify, destination }
}

type SetResult = CopyObjectsResult | ObjectsReport | readonly ObjectsPruneResult[]

function partsOf(result: SetResult): RunPart[] {
  if ('destinations' in result) return [{ done: result }]
  return (Array.isArray(result) ? result : [result]).map(done => ({ destination: done.destination, done }))
}

/** Does a thing with each set; one that fails is reported and does not stop the next. */
async function forEachSet<Result extends SetResult>(
  session: Session,
  product: string,
  set: string | undefined,
  tell: Telling,
  work: (lifeboat: Lifeboat, set: string) => Promise<Result>,
) {
  const lifeboat = await session.open()
  const sets = chooseSets(session, lifeboat, product, set)
  const results: Result[] = []
  const failures: ExitStatus[] = []
  const errors: { readonly set: string; readonly error: ReturnType<typeof describeError> }[] = []
  for (const name of sets) {
    const endReport = await startReport(session, lifeboat, { product, job: tell.job(name) }, tell.wanted)
    try {
      const result = await work(lifeboat, name)
      results.push(result)
      await endReport(partsOf(result))
    } catch (error) {
      await endReport([{ destination: tell.destination, error }])
      if (sets.length === 1 || session.signal.aborted) throw error
      session.report(error, `${product}/${name}`)
      failures.push(exitStatusOf(error))
      errors.push({ set: name, error: describeError(error) })
    }
  }
  return { results, failures, document: { results, failures: errors } }
}

function parseShare(text: string): number {
  const share = Number(text)
  if (/^\d*\.?\d+$/.test(text) && share > 0 && share <= 1) return share
  throw new InvalidArgumentError('Write a number above 0, and 1 at most: 0.01 is one of a hundred.')
}
