import type { Checking, Finding } from '@lifeboat/core'
import { readStatusPage } from '@lifeboat/core/http'
import { listExports } from './exports.js'
import { recoveryWindow, settlingMs } from './point-in-time.js'
import type { Instance, RenderApi } from './render-api.js'
import type { RenderSettings } from './render-options.js'

/** What stands against relying on an instance's own backups. */
export function checkingInstance(api: RenderApi, settings: RenderSettings): Checking {
  return {
    async check({ signal, rpoMs } = {}) {
      signal?.throwIfAborted()
      // The page is advice: it is asked beside the rest and never waited for longer than its own short limit.
      const page =
        settings.statusUrl === null ? undefined : readStatusPage(settings.statusUrl, { signal, deps: api.deps })
      // Met where its findings are read; until then it must not count as unhandled.
      page?.catch(() => {})
      const instance = await api.instance(settings.postgresId, { signal })
      return [...judgeState(instance), ...(await judgeAge()), ...(await adviceFindings())]

      async function judgeAge(): Promise<Finding[]> {
        const window = await recoveryWindow(api, settings, { signal })
        const exports = await listExports(api, settings, { signal })
        const made = exports.filter(one => one.status === 'complete' && one.createdAt !== null)
        const newest = made.map(one => Date.parse(one.createdAt!)).sort((a, b) => b - a)[0]
        const ageMs =
          window.status === 'available' ? settlingMs : newest === undefined ? undefined : api.deps.now() - newest
        if (ageMs === undefined) {
          const why = window.notes.join('; ')
          return [
            finding(
              'critical',
              'provider-backup-missing',
              `Render could give nothing back: ${why}, and there is no export`,
              'start an export (`lifeboat export`), and take dumps (`lifeboat backup`)',
            ),
          ]
        }
        if (rpoMs !== undefined && ageMs > rpoMs)
          return [
            finding(
              'critical',
              'provider-backup-too-old',
              `what Render could give back is ${Math.round(ageMs / 60_000)} min old; the RPO is ${Math.round(rpoMs / 60_000)} min`,
              window.notes[0] ?? null,
            ),
          ]
        return []
      }

      async function adviceFindings(): Promise<Finding[]> {
        const advice = await page
        if (advice === undefined || advice.indicator === 'none') return []
        const incidents = advice.incidents.length > 0 ? `: ${advice.incidents.join('; ')}` : ''
        const message = `Render's status page says ${advice.indicator}, ${advice.description}${incidents}`
        return [finding('info', 'provider-status', message, settings.statusUrl)]
      }
    },
  }
}

const passing = /^(creating|config_restart|maintenance_scheduled|maintenance_in_progress|updating_instance)$/

function judgeState({ id, status, suspended, expiresAt }: Instance): Finding[] {
  const found: Finding[] = []
  if (suspended === 'suspended' || status === 'suspended')
    found.push(
      finding(
        'critical',
        'instance-suspended',
        `${id} is suspended: it cannot be dumped`,
        'resume it in the dashboard',
      ),
    )
  else if (status !== 'available')
    found.push(
      finding(
        passing.test(status) ? 'info' : 'warning',
        'instance-state',
        `${id} is ${status}`,
        'see it in the dashboard',
      ),
    )
  if (expiresAt)
    found.push(
      finding(
        'warning',
        'instance-expires',
        `${id} is free and ends at ${expiresAt}, with everything Render keeps of it`,
        'upgrade its plan, or take dumps elsewhere',
      ),
    )
  return found
}

function finding(severity: Finding['severity'], code: string, message: string, hint: string | null): Finding {
  return { severity, code, message, hint }
}
