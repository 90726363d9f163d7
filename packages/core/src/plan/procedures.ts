import { isSecret } from '../config/secret.js'
import { spokenDuration, spokenTime } from '../report/quantities.js'
import type { LossAnswer, LossName, Way } from '../timeline/timeline.js'
import type { PlanInput } from './compose-plan.js'
import { inline, shell } from './markdown.js'

const sources: Readonly<Record<Way['source'], string>> = {
  'point-in-time': "the provider's point-in-time recovery",
  'provider-backup': "the provider's backups",
  'provider-export': "the provider's exports",
  dump: 'a backup',
  export: 'a mirrored export',
}

/** For each kind of loss what to type, the way that loses least first. */
export function procedures(input: PlanInput): string[] {
  const { product } = input
  return [
    'Before anything else: stop what writes to the database, and say who decides. Then see what there is:',
    '',
    ...shell([`lifeboat status ${product}`, `lifeboat timeline ${product}`]),
    ...input.timeline.losses.flatMap(answer => ['', `### ${capital(answer.title)}`, '', ...procedure(answer, input)]),
  ]
}

function procedure(answer: LossAnswer, input: PlanInput): string[] {
  const [best, ...others] = answer.ways
  if (best === undefined) return ['**Nothing could be recovered**, by what is known now.', ...lost(answer)]
  return [
    ...wayLines(best, answer, input),
    ...others.flatMap(way => [
      '',
      `Or, with ${spokenDuration(way.dataAgeMs)} of data lost:`,
      '',
      ...wayLines(way, answer, input),
    ]),
    ...lost(answer),
  ]
}

function wayLines(way: Way, { loss }: LossAnswer, input: PlanInput): string[] {
  const time = way.expectedMs === null ? 'nobody has timed it' : `about ${spokenDuration(way.expectedMs)}`
  const state = {
    none: 'not verified yet',
    content: 'verified',
    restored: 'restored in a drill',
    provider: "the provider's word",
  }
  return [
    `From ${sources[way.source]} at ${inline(way.place)}. When this was written: of ${spokenTime(way.instant)}, ${state[way.proof]}; time ${time} (${inline(way.expectedFrom)}). It takes ${inline(way.credential)}.`,
    ...way.notes.map(note => `- ${inline(note)}`),
    '',
    ...shell(commandsOf(way, loss, input)),
  ]
}

/** The database goes on living after these: a backup of now may hold the damage already. */
const damaged: ReadonlySet<LossName> = new Set(['bad-migration', 'table-dropped'])

/** The way's command, with what comes before it and after it. */
function commandsOf(way: Way, loss: LossName, { product, config }: PlanInput): string[] {
  if (way.source !== 'dump' && way.source !== 'export') return [way.command]
  // The plan is read on another day; an export is named by its id, and never by `latest`.
  const id = new RegExp(`\\b${product}/\\d{8}T\\d{6}Z-[a-z0-9]{6}\\b`)
  const before = damaged.has(loss)
  const command =
    way.source === 'dump' ? way.command.replace(id, `${product}/${before ? 'BACKUP' : 'latest'}`) : way.command
  const place = /--destination \S+/.exec(command)?.[0]
  const list = `lifeboat list ${product}${place === undefined ? '' : ` ${place}`}`
  const isNew = command.includes('--create')
  const restoring = [
    list,
    ...(command.includes('BACKUP') ? ['# BACKUP is the id of the newest from before it happened'] : []),
    askFor(
      'TARGET_URL',
      isNew ? 'address of the new database, which does not exist yet' : 'address of the live database',
    ),
    `${command} --dry-run`,
    `${command} --yes`,
  ]
  return isNew && !before ? [...restoring, ...protectAgain(product, config)] : restoring
}

/** The new database takes the place of the lost one, and is backed up at once. */
function protectAgain(product: string, config: PlanInput['config']): string[] {
  const { url } = config.source
  // A secret says where it comes from; only a variable can be set here.
  const variable = isSecret(url) ? /^environment variable (\w+)$/.exec(url.description)?.[1] : undefined
  return [
    ...(variable === undefined
      ? ['# now point source.url of the configuration at the new database, then:']
      : [`export ${variable}="$TARGET_URL"`]),
    `lifeboat backup ${product} --reason after-recovery`,
    `lifeboat verify ${product}/latest`,
  ]
}

/** An address holds a password: it is typed where nobody sees it, and stays out of the shell's history. */
function askFor(name: string, what: string): string {
  return `read -rsp '${what}: ' ${name} && export ${name}`
}

function lost({ lost }: LossAnswer): string[] {
  return lost.length === 0
    ? []
    : ['', ...lost.map(({ place, why }) => `- gone, too: ${inline(place)} (${inline(why)})`)]
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
