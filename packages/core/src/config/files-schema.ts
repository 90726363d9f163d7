import { z } from 'zod'
import { isProductName } from '../repository/layout.js'
import { text } from './values.js'

const pattern = text.superRefine((glob, context) => {
  const inside = glob.replace(/^!/, '')
  if (glob.startsWith('!')) context.addIssue('patterns of exclude take things out; a pattern does not begin with !')
  else if (inside.startsWith('/') || /(^|\/)\.\.?(\/|$)/.test(inside))
    context.addIssue('a pattern is relative to root and stays below it: no leading /, no . or .. in it')
})

/** Files of one folder that go into a backup together. */
export const bundleSchema = z.strictObject({
  /** The folder that they lie in; a relative path starts at the configuration's folder. Default: that folder. */
  root: text.default('.'),
  /** Globs below the root (`.env*`, `config/**`); a folder that one names is taken with all that is in it. */
  include: z.array(pattern).min(1, "name what to take, such as '.env*' or 'config/**'"),
  /** Globs of what is left out of that; a folder that one names is not entered. Default: nothing. */
  exclude: z.array(pattern).default([]),
  /** Take what a symbolic link leads to, where it lies below the root. Default: false, links are kept as links. */
  followSymlinks: z.boolean().default(false),
})

/** Names that artifacts of other kinds have. */
const taken = new Set(['database', 'roles', 'export', 'manifest'])

export const filesSchema = z.record(z.string(), bundleSchema).superRefine((bundles, context) => {
  for (const name of Object.keys(bundles)) {
    if (!isProductName(name))
      context.addIssue({
        code: 'custom',
        path: [name],
        message: 'not a name for files: use a to z, 0 to 9 and -, at most 63, not beginning with -',
      })
    else if (taken.has(name))
      context.addIssue({ code: 'custom', path: [name], message: `${name} is the name of another part of a backup` })
  }
})

export type BundleConfig = z.output<typeof bundleSchema>
