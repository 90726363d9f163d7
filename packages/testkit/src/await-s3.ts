import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import type {} from './global-setup-s3.js'

/* Loaded before every file of tests that needs the S3 service, which is started beside those that do not. */

const file = inject('s3Ready')
while (!existsSync(file)) await sleep(50)
const failure = readFileSync(file, 'utf8')
if (failure !== '') throw new Error(failure)
