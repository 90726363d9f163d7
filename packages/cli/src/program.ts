import { toolVersion } from '@lifeboat/core'
import { Command } from 'commander'
import type { CliIo } from './cli-io.js'
import type { Choose } from './command.js'
import { defineBackup } from './commands/backup.js'
import { defineCopy } from './commands/copy.js'
import { defineDemo } from './commands/demo.js'
import { defineDiff } from './commands/diff.js'
import { defineDoctor } from './commands/doctor.js'
import { defineDrill } from './commands/drill.js'
import { defineExport } from './commands/export.js'
import { defineHistory } from './commands/history.js'
import { defineInit } from './commands/init.js'
import { defineKeys } from './commands/keys.js'
import { defineList } from './commands/list.js'
import { defineLogTable } from './commands/log-table.js'
import { defineMetrics } from './commands/metrics.js'
import { defineNotify } from './commands/notify.js'
import { defineObjects } from './commands/objects.js'
import { definePause, defineResume } from './commands/pause.js'
import { definePitr } from './commands/pitr.js'
import { definePolicy } from './commands/policy.js'
import { definePrune } from './commands/prune.js'
import { defineQueue } from './commands/queue.js'
import { defineRehearse } from './commands/rehearse.js'
import { defineReport } from './commands/report.js'
import { defineRestore } from './commands/restore.js'
import { defineRootKey } from './commands/root-key.js'
import { defineRun } from './commands/run.js'
import { defineSchedule } from './commands/schedule.js'
import { defineShow } from './commands/show.js'
import { defineStatus } from './commands/status.js'
import { defineSweep } from './commands/sweep.js'
import { defineTimeline } from './commands/timeline.js'
import { defineVerify } from './commands/verify.js'
import { defineWorker } from './commands/worker.js'
import { helpText } from './render/help-text.js'

const defineCommands = [
  defineInit,
  defineDoctor,
  definePolicy,
  defineBackup,
  defineCopy,
  defineList,
  defineShow,
  defineVerify,
  defineDrill,
  defineStatus,
  defineMetrics,
  defineDiff,
  defineHistory,
  defineReport,
  defineRestore,
  definePrune,
  defineObjects,
  defineSweep,
  defineLogTable,
  defineKeys,
  definePitr,
  defineRootKey,
  defineTimeline,
  defineNotify,
  defineExport,
  defineRehearse,
  definePause,
  defineResume,
  defineRun,
  defineSchedule,
  defineWorker,
  defineQueue,
  defineDemo,
]

/** The command line: it parses, and gives the chosen command's handler to `choose`; nothing runs yet. */
export function buildProgram(io: CliIo, choose: Choose): Command {
  const program = new Command('lifeboat')
    .description('Postgres backups you have proven you can restore')
    .version(toolVersion, '--version', 'print the version')
    .option(
      '--config <file>',
      'the configuration (default: LIFEBOAT_CONFIG, else lifeboat.config.ts, .mts, .mjs or .js here or above)',
    )
    .option('--json', 'print the answer on stdout as one JSON document (docs/cli.md)')
    .option('--quiet', 'print errors and warnings only, besides the answer')
    .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
      // Usage errors are printed by run, like all errors.
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .addHelpText(
      'after',
      helpText([
        'lifeboat demo',
        'lifeboat init --keys',
        'lifeboat backup',
        'lifeboat verify',
        'lifeboat restore latest --to env:TARGET_URL --create',
      ]),
    )
  for (const define of defineCommands) define(program, choose)
  return program
}
