import type { BackupEvent } from '@lifeboat/core'
import { SingleBar } from 'cli-progress'
import type { CliWriter } from '../cli-io.js'
import { eventLine } from './event-line.js'
import { movingRate, type Rate } from './rate.js'
import { barLine, type StageState, stageLine } from './stage-line.js'

const plainEveryMs = 10_000

export interface ProgressOptions {
  readonly stderr: CliWriter
  /** Nothing but warnings. */
  readonly quiet: boolean
  readonly now: () => Date
  readonly say: (line: string) => void
  readonly warn: (line: string) => void
}

/** What happens, as it happens, on stderr. */
export interface Progress {
  readonly onEvent: (event: BackupEvent) => void
  /** Clears the bar, so that something else can be printed. */
  pause(): void
}

/** A bar with throughput and time left on a terminal; a plain line every ten seconds elsewhere. */
export function createProgress({ stderr, quiet, now, say, warn }: ProgressOptions): Progress {
  const show = stderr.isTTY && stderr.stream !== undefined ? barDisplay(stderr) : plainDisplay(now, say)
  let stage: { readonly name: string; readonly rate: Rate } | undefined
  return {
    pause: show.pause,
    onEvent(event) {
      const line = eventLine(event)
      if (line !== undefined) {
        show.pause()
        if (line.warning) warn(line.text)
        else say(line.text)
      }
      if (event.type === 'backup.finished') stage = undefined
      if (event.type !== 'stage.progressed' || quiet) return
      if (stage?.name !== event.stage) {
        stage = { name: event.stage, rate: movingRate() }
        show.begin()
      }
      stage.rate.note(event.doneBytes, now().getTime())
      const { doneBytes, totalBytes, detail } = event
      show.draw({ stage: event.stage, doneBytes, totalBytes, detail, bytesPerSecond: stage.rate.perSecond() })
    },
  }
}

interface Display {
  begin(): void
  draw(state: StageState): void
  pause(): void
}

function plainDisplay(now: () => Date, say: (line: string) => void): Display {
  let lastMs = 0
  return {
    begin() {
      lastMs = now().getTime()
    },
    draw(state) {
      if (now().getTime() - lastMs < plainEveryMs) return
      lastMs = now().getTime()
      say(`${state.stage}: ${stageLine(state)}`)
    },
    pause() {},
  }
}

function barDisplay(stderr: CliWriter): Display {
  let bar: SingleBar | undefined
  const pause = () => {
    bar?.stop()
    bar = undefined
  }
  return {
    begin: pause,
    pause,
    draw(state) {
      if (bar === undefined) {
        bar = new SingleBar({
          stream: stderr.stream,
          format: (_options, _params, payload: StageState) => barLine(payload, stderr.columns ?? 80),
          fps: 5,
          clearOnComplete: true,
          hideCursor: false,
          linewrap: true,
          // The run cancels itself; the library's own handler would end the process.
          gracefulExit: false,
        })
        bar.start(1, 0, state)
      }
      bar.update(0, state)
    },
  }
}
