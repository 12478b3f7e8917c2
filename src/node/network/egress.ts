import { runCommand, tryCommand } from './ip-command.ts'

/** Whether Pods reach what lies beyond the host. The host itself they always reach. */
export interface Egress {
  readonly masquerade: 'nft' | 'none'
  /** One line for the user, where something is missing. */
  readonly message?: string
}

interface MasqueradeOptions {
  readonly table: string
  readonly hostLink: string
  /** Ranges whose packets take the host's address when they leave by another link. */
  readonly sources: readonly string[]
}

/** One table of our own: declared, deleted and declared again in a single transaction, so that it may be repeated. */
export const masqueradeScript = (options: MasqueradeOptions): string =>
  [
    `table ip ${options.table} {}`,
    `delete table ip ${options.table}`,
    `table ip ${options.table} {`,
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    ip saddr { ${options.sources.join(', ')} } oifname != "${options.hostLink}" masquerade`,
    '  }',
    '}',
    '',
  ].join('\n')

/** Asserts the table. Where it cannot be, that is an answer and not an error: everything inside the machine works without. */
export const setUpMasquerade = async (options: MasqueradeOptions): Promise<Egress> => {
  try {
    await runCommand(['nft', '-f', '-'], masqueradeScript(options))
    return { masquerade: 'nft' }
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const why = missing ? 'nft is not installed' : `nft refused the rules: ${(error as Error).message.split('\n')[0]}`
    return { masquerade: 'none', message: `Pods cannot reach addresses beyond this machine: ${why}` }
  }
}

export const removeMasquerade = async (table: string): Promise<void> => {
  await tryCommand(['nft', 'delete', 'table', 'ip', table])
}
