import type { DestinationStatus, ProductStatus, StatusFinding } from '../../api/status.js'

/** A finding of the product `shop`. */
export function finding(code: string, changes: Partial<StatusFinding> = {}): StatusFinding {
  return {
    ...{ product: 'shop', code, subject: null, severity: 'critical', message: `${code} was found`, hint: null },
    ...{ since: null },
    ...changes,
  }
}

/** A destination whose newest backup was made then; null: it holds none. */
export function destination(name: string, newestAt: string | null, now: Date, reachable = true): DestinationStatus {
  return {
    ...{ destination: name, location: `/backups/${name}`, reachable, backups: newestAt === null ? 0 : 1 },
    newest:
      newestAt === null
        ? null
        : {
            id: `${newestAt.slice(0, 19).replace(/[-:]/g, '')}Z-aaaaaa`,
            createdAt: newestAt,
            ageMs: now.getTime() - Date.parse(newestAt),
            ...{ storedBytes: 3, rows: 7, durationMs: 1000, verified: null },
          },
  }
}

/** What the status says of the product `shop`. */
export function statusOf(findings: readonly StatusFinding[], changes: Partial<ProductStatus> = {}): ProductStatus {
  const worst = findings.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning'
  return {
    ...{ product: 'shop', state: findings.length === 0 ? 'ok' : worst, destinations: [], lastVerification: null },
    ...{ lastDrill: null, nextRun: null, objects: [], findings },
    ...changes,
  }
}
