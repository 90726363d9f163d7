/** What a first configuration is made of. */
export interface Beginning {
  readonly product: string
  readonly databaseEnv: string
  readonly folder: string
  readonly encryption: 'passphrase' | 'keys' | 'locked-keys'
}

const sealing = [
  '  // Only the machine that writes backups needs the first; the second checks what it sealed.',
  "  signingKey: 'keys/lifeboat-signing.asc',",
  "  signers: ['keys/lifeboat-signer.asc'],",
]

const encryption: Readonly<Record<Beginning['encryption'], readonly string[]>> = {
  passphrase: ["{ passphrase: secret.env('LIFEBOAT_PASSPHRASE') }"],
  keys: [
    '{',
    "  recipients: ['keys/lifeboat-public.asc'],",
    ...sealing,
    '  // Only machines that verify or restore need it.',
    "  privateKey: 'keys/lifeboat-private.asc',",
    '}',
  ],
  'locked-keys': [
    '{',
    "  recipients: ['keys/lifeboat-public.asc'],",
    ...sealing,
    '  // Only machines that verify or restore need these two.',
    "  privateKey: 'keys/lifeboat-private.asc',",
    "  privateKeyPassphrase: secret.env('LIFEBOAT_PRIVATE_KEY_PASSPHRASE'),",
    '}',
  ],
}

/** The text of a configuration that works as it is. */
export function configText({ product, databaseEnv, folder, encryption: kind }: Beginning): string {
  return `import { defineConfig, directory, secret } from '@lifeboat/core'

export default defineConfig({
  products: {
    ${/^[a-z][a-z0-9]*$/.test(product) ? product : quote(product)}: {
      source: { url: secret.env(${quote(databaseEnv)}) },
      encryption: ${encryption[kind].join('\n      ')},
      destinations: {
        local: { store: directory(${quote(folder)}), retention: { keepWithin: '30d', minimum: 3 } },
      },
      // Tables that must be in every backup; their rows are counted in the dump's own snapshot.
      verify: { criticalTables: [] },
    },
  },
})
`
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`
}
