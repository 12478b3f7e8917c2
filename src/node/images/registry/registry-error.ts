/** Why an image was not had, as the kubelet tells it: the reason is that of the container's waiting state. */
export class PullError extends Error {
  override readonly name = 'PullError'
  readonly reason: 'ErrImagePull' | 'InvalidImageName'
  /** The registry said that there is no such thing, or that this user may not have it: another mirror may. */
  readonly isRefusal: boolean
  /** The same may succeed in a moment. */
  readonly isTransient: boolean

  constructor(message: string, options: { reason?: PullError['reason']; isRefusal?: boolean; isTransient?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.reason = options.reason ?? 'ErrImagePull'
    this.isRefusal = options.isRefusal ?? false
    this.isTransient = options.isTransient ?? false
  }
}

/** What went wrong on the way to a registry, in Go's words, as logs and searches have them. */
export function networkError(error: unknown, request: { method: string; url: string }): PullError {
  const { code, address, port, message, hostname } = rootOf(error)
  const { host } = new URL(request.url)
  const peer = address === undefined ? host : `${address}:${port}`
  const why: Readonly<Record<string, string>> = {
    ENOTFOUND: `dial tcp: lookup ${hostname ?? host}: no such host`,
    EAI_AGAIN: `dial tcp: lookup ${hostname ?? host}: Temporary failure in name resolution`,
    ECONNREFUSED: `dial tcp ${peer}: connect: connection refused`,
    ENETUNREACH: `dial tcp ${peer}: connect: network is unreachable`,
    EHOSTUNREACH: `dial tcp ${peer}: connect: no route to host`,
    ETIMEDOUT: `dial tcp ${peer}: i/o timeout`,
    UND_ERR_CONNECT_TIMEOUT: `dial tcp ${peer}: i/o timeout`,
    DEPTH_ZERO_SELF_SIGNED_CERT: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    SELF_SIGNED_CERT_IN_CHAIN: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    EPROTO: 'http: server gave HTTP response to HTTPS client',
  }
  const method = `${request.method[0]}${request.method.slice(1).toLowerCase()}`
  return new PullError(`failed to do request: ${method} "${request.url}": ${why[code ?? ''] ?? message}`, {
    isTransient: true,
    cause: error,
  })
}

/** Nothing of the network leads there: the usual state of a machine that is offline. */
export const isUnreachable = (error: unknown): boolean =>
  ['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'].includes(rootOf(error).code ?? '')

interface SystemError extends Error {
  readonly code?: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/** The error of the system below those that wrap it; of several attempts the last. */
function rootOf(error: unknown): SystemError {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors.at(-1))
  const { code, cause } = error as SystemError
  return (code === undefined || code === 'UND_ERR_SOCKET') && cause instanceof Error ? rootOf(cause) : (error as SystemError)
}
