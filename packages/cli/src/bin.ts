#!/usr/bin/env node
import { flushed, nodeIo } from './node-io.js'
import { run } from './run.js'

// The AWS SDK warns about Node's age at every start; the engines field says which versions are tested.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

process.exitCode = await run(process.argv.slice(2), nodeIo())
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
// A connection kept alive for reuse must not keep a finished command from ending.
process.exit()
